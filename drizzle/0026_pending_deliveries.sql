DROP INDEX "webhook_deliveries_due_index";--> statement-breakpoint
DROP INDEX "webhook_deliveries_user_index";--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD COLUMN "is_pending" boolean GENERATED ALWAYS AS (status = 'PENDING') STORED NOT NULL;--> statement-breakpoint
CREATE INDEX "webhook_deliveries_due_index" ON "webhook_deliveries" USING btree ("webhook_id","next_attempt_at","event_id") WHERE "webhook_deliveries"."is_pending";--> statement-breakpoint
CREATE INDEX "webhook_deliveries_user_index" ON "webhook_deliveries" USING btree ("webhook_id","user_id","event_id") WHERE "webhook_deliveries"."is_pending";--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ALTER COLUMN "is_pending" SET STATISTICS 0;
