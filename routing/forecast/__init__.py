"""What would become of requests, on a virtual clock: dry runs of files, and recorded requests under another config."""
