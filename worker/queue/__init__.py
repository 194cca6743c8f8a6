"""All that touches Celery's and kombu's insides: the app, messages, outcomes, revokes, lines to the broker."""
