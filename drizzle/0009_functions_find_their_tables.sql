-- A restore of data alone (pg_dump --data-only) runs with an empty search path, and these functions name tables. Their
-- path becomes that of the migration: the schema of Servauth's tables.
ALTER FUNCTION keep_newest_sessions() SET search_path FROM CURRENT;
--> statement-breakpoint
ALTER FUNCTION end_what_session_asked_for() SET search_path FROM CURRENT;
--> statement-breakpoint
ALTER FUNCTION keep_second_factor_at() SET search_path FROM CURRENT;
