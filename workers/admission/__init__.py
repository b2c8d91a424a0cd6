"""Admission, carried out: limits and budgets that every worker shares."""
