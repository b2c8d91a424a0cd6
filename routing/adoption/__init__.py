"""From the configs of others to Headgate's: pure. What has no counterpart is listed by name; nothing is passed over."""
