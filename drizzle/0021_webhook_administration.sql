ALTER TABLE "webhook_deliveries" DROP CONSTRAINT "webhook_deliveries_webhook_id_webhooks_id_fk";
--> statement-breakpoint
DROP INDEX "webhook_deliveries_event_index";--> statement-breakpoint
ALTER TABLE "webhook_deliveries" DROP CONSTRAINT "webhook_deliveries_webhook_id_event_id_pk";--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_event_id_webhook_id_pk" PRIMARY KEY("event_id","webhook_id");--> statement-breakpoint
ALTER TABLE "webhooks" ADD COLUMN "fault" varchar(60);--> statement-breakpoint
CREATE INDEX "webhook_deliveries_status_index" ON "webhook_deliveries" USING btree ("webhook_id","status","event_id");--> statement-breakpoint
-- Every replica has a worker for each webhook that is enabled. As for roles: the payload means that anything may have changed.
CREATE TRIGGER webhooks_notify AFTER INSERT OR UPDATE OR DELETE ON "webhooks"
  FOR EACH ROW EXECUTE FUNCTION notify_of_roles();
--> statement-breakpoint
CREATE TRIGGER webhooks_notify_truncate AFTER TRUNCATE ON "webhooks"
  FOR EACH STATEMENT EXECUTE FUNCTION notify_of_roles();
--> statement-breakpoint
ALTER TABLE "webhooks" ENABLE ALWAYS TRIGGER webhooks_notify;
--> statement-breakpoint
ALTER TABLE "webhooks" ENABLE ALWAYS TRIGGER webhooks_notify_truncate;
