"""Submitting: circuits and run options are checked, lowered, cut into shards, encoded and recorded."""

from jobs.submit.checks import SubmitContext
from jobs.submit.submission import Submission, prepare

__all__ = ["Submission", "SubmitContext", "prepare"]
