CREATE TABLE "service_keys" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" varchar(40) NOT NULL,
	"hash" varchar(64) NOT NULL,
	"scopes" text[] NOT NULL,
	"expires_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "service_keys_hash_unique" UNIQUE("hash")
);
--> statement-breakpoint
-- Every replica keeps the valid keys in memory. The last use of a key does not matter to them.
CREATE TRIGGER service_keys_tell_of_change AFTER UPDATE ON "service_keys"
  FOR EACH ROW WHEN (
    (OLD.id, OLD.name, OLD.hash, OLD.scopes, OLD.expires_at, OLD.revoked_at)
      IS DISTINCT FROM (NEW.id, NEW.name, NEW.hash, NEW.scopes, NEW.expires_at, NEW.revoked_at)
  )
  EXECUTE FUNCTION tell_of_change();
--> statement-breakpoint
CREATE TRIGGER service_keys_tell_of_end AFTER DELETE ON "service_keys"
  FOR EACH ROW EXECUTE FUNCTION tell_of_change();
--> statement-breakpoint
CREATE TRIGGER service_keys_tell_of_truncate AFTER TRUNCATE ON "service_keys"
  FOR EACH STATEMENT EXECUTE FUNCTION tell_of_change();
--> statement-breakpoint
ALTER TABLE "service_keys" ENABLE ALWAYS TRIGGER service_keys_tell_of_change;
--> statement-breakpoint
ALTER TABLE "service_keys" ENABLE ALWAYS TRIGGER service_keys_tell_of_end;
--> statement-breakpoint
ALTER TABLE "service_keys" ENABLE ALWAYS TRIGGER service_keys_tell_of_truncate;
