-- UNREGISTER: a worker stops, and no longer counts.

forget(ARGV[3])
measure_window()
