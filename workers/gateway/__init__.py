"""The gateway: admit, call, reply. Thousands of requests at a time, each in its own task, completed out of order."""
