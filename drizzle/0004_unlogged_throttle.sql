-- Counters are written at every login and worth nothing after a crash: no write-ahead log, and no wait for the disk.
ALTER TABLE "throttle" SET UNLOGGED;
