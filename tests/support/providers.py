"""Providers of the catalogue as a config would have them, for tests over all rows."""

import re
from dataclasses import replace

from headgate.routing.providers.catalogue import catalogue
from headgate.routing.providers.families import FAMILIES
from headgate.routing.providers.family import Family
from headgate.routing.providers.resolve import Resolved, resolve
from headgate.routing.routes import template
from headgate.schemas.config_providers import Provider
from headgate.schemas.request import Endpoint

ROWS = catalogue()
#: What was filled in when URLs were captured.
OPTIONS = {
    "account_id": "ACCT",
    "workspace": "ws.cloud.databricks.com",
    "resource": "res",
    "region": "us-east-1",
    "account": "acct",
    "location": "europe-west4",
    "project": "proj",
    "host": "neon.example.com",
}
#: Families that are not built yet count as speaking every endpoint, at a path of their own.
SPOKEN = {row.wire: Family(None, None, dict.fromkeys(Endpoint, "/own")) for row in ROWS.values()} | dict(FAMILIES)


def secret_of(name):
    return f"sk-of-{name}"


def provider_of(name, **told):
    needed = re.findall(r"\{(\w+)\}", ROWS[name].base_url) if name in ROWS else ()
    fields = {"api_key": secret_of(name), "options": {option: OPTIONS[option] for option in needed}}
    return Provider(**{**fields, **told})


def resolved(name, **told):
    found = resolve(name, provider_of(name, **told), ROWS, SPOKEN)
    assert isinstance(found, Resolved), found
    return found


def target_of(name, model="org/model-1", **told):
    return replace(template(name, resolved(name, **told)), id=f"{name}/m", upstream_model=model)
