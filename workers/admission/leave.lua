-- Hears that a worker stops: what it held of parallel slots is free at once.
--
-- ARGV[3]  {worker}

forget_worker(args[1])
return 1
