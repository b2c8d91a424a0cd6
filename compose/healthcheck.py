#!/usr/bin/env python3
"""`healthcheck URL`: exit 0 when it answers 200. The image has neither curl nor wget."""

import sys
import urllib.error
import urllib.request

if len(sys.argv) != 2:
    sys.exit(f"usage: {sys.argv[0]} URL")
try:
    # Without a proxy: what is asked is in this container.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(sys.argv[1], timeout=4) as response:
        sys.exit(0 if response.status == 200 else f"expected status 200 of {sys.argv[1]}, got {response.status}")
except (OSError, urllib.error.URLError) as error:
    sys.exit(f"expected {sys.argv[1]} to answer, got {error}")
