"""The processes of an embedded cluster: a supervisor, its Redis and its workers, and the locks between them."""
