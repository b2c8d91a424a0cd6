"""Whether deployments are well, and how much they can take."""
