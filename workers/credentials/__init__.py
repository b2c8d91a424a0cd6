"""The secrets of providers: where they come from, and how they are renewed. They never leave the process's memory."""
