"""Admission, decided: what a request would take of limits and budgets, and the arithmetic of both."""
