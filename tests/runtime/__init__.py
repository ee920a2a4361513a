"""Tests of one running session."""
