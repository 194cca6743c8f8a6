-- UNREGISTER: a worker stops.
-- Before:  anything.
-- After:   it is off the register, and the window is as wide as the others' slots.
-- Returns: nothing.

remove_worker(ARGV[3])
measure_window()
