"""Circuits that all workers share: whose deployment or credential is left alone, and who tries it again."""
