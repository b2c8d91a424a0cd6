"""Configs with limits and budgets, for tests of admission."""

from headgate.routing.admission.rulebook import Rulebook
from headgate.schemas.config import Config


def a_config(**parts: object) -> Config:
    """Return a config of parts as they stand in the file."""
    return Config.model_validate(parts)


def a_rulebook(**parts: object) -> Rulebook:
    return Rulebook.of(a_config(**parts))


#: Every dimension has a limit and a budget.
EVERYTHING: dict[str, object] = {
    "providers": {
        "openai": {"api_key": "x", "limits": {"requests_per_second": 50}, "budgets": [{"usd": 900, "per": "total"}]}
    },
    "models": [
        {
            "name": "small",
            "limits": {"tokens_per_minute": 100_000},
            "budgets": [{"tokens": 10**9}],
            "deployments": [
                {
                    "id": "small-a",
                    "provider": "openai",
                    "model": "gpt-4o-mini",
                    "limits": {"parallel": 64, "requests_per_minute": 500},
                    "budgets": [{"requests": 10_000, "per": "day"}],
                }
            ],
        }
    ],
    "keys": [
        {
            "id": "rag-nightly",
            "workspace": "research",
            "limits": {"requests_per_minute": 600, "input_tokens_per_hour": 10**6, "parallel": 50, "burst": 0.5},
            "budgets": [{"usd": 25, "per": "day", "alert_at": [0.8, 0.5]}, {"usd": "40.5", "per": "day"}],
        }
    ],
    "workspaces": [{"id": "research", "org": "acme", "budgets": [{"usd": 100, "time_zone": "Europe/Berlin"}]}],
    "orgs": [{"id": "acme", "budgets": [{"usd": 1000, "per": "week", "at_limit": {"fallback": "small"}}]}],
    "end_users": {"limits": {"output_tokens_per_day": 5000}, "budgets": [{"requests": 100, "per": "hour"}]},
    "metadata": [{"field": "team", "limits": {"parallel": 5}, "budgets": [{"usd": 3, "at_limit": "refuse"}]}],
}
