-- Who may write what: design decision "one writer per table", enforced by the database. Idempotent; run after the migrations.
-- Roles belong to the whole server, so another database of the same server may be creating them at this moment.
DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['melanoma_ingestion', 'melanoma_augmentation', 'melanoma_training', 'melanoma_inference', 'melanoma_gateway'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', service);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        IF NOT pg_has_role(current_user, service, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', service);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', service);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA public TO %I', service);
        EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %I', service);
        EXECUTE format('GRANT INSERT, UPDATE (sent_at), DELETE ON outbox TO %I', service);
    END LOOP;
END $$;

GRANT INSERT, UPDATE, DELETE ON deliveries, delivery_files, images, image_contents, image_isic_ids, image_signatures, near_duplicates,
    metadata_rows, label_claims, lesion_groups, review_items, feedback_outcomes, disk_measurements TO melanoma_ingestion;
GRANT INSERT ON review_decisions, review_decision_images TO melanoma_ingestion;
GRANT INSERT ON datasets, dataset_groups, dataset_items, runs TO melanoma_ingestion;
GRANT UPDATE (cancel_requested_at, pause_requested_at) ON runs TO melanoma_ingestion;

GRANT INSERT, UPDATE, DELETE ON augmentations, augmentation_batches, variants, variant_contents TO melanoma_augmentation;

GRANT INSERT, UPDATE, DELETE ON run_executions, run_epochs, checkpoints TO melanoma_training;
GRANT INSERT ON model_versions, model_artefacts, model_stored_answers, model_training_images, model_report_pictures, test_looks, likely_label_errors, likely_lesion_views,
    fold_predictions, cross_validation_reports
    TO melanoma_training;

GRANT UPDATE (state, policy_decision) ON model_versions TO melanoma_inference;
GRANT INSERT ON model_transitions, comparison_looks, predictions, prediction_seals, feedback TO melanoma_inference;
GRANT INSERT, DELETE ON unsealed_predictions, idempotency_keys, feedback_images TO melanoma_inference;
GRANT EXECUTE ON FUNCTION drop_audit_month(date) TO melanoma_inference;

GRANT INSERT, UPDATE, DELETE ON api_keys, sign_in_tokens, daily_usage TO melanoma_gateway;
-- What failed is kept as it was; only the decision on it is added.
GRANT INSERT, UPDATE (state, decided_by, decided_at, decision_reason), DELETE ON failed_messages TO melanoma_gateway;

-- Nobody else needs to know even the hashes of credentials.
REVOKE ALL ON api_keys, sign_in_tokens FROM melanoma_ingestion, melanoma_augmentation, melanoma_training, melanoma_inference;

-- The outbox is shared as a table, not as rows: each service writes its own, and all may see how far the others lag.
-- Done once: each of these statements would wait for every relay's open transaction, and hold up every writer meanwhile.
DO $$
BEGIN
    IF (SELECT count(*) FROM pg_policies WHERE schemaname = 'public' AND tablename = 'outbox') < 2 THEN
        ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
        DROP POLICY IF EXISTS everyone_reads ON outbox;
        DROP POLICY IF EXISTS own_rows ON outbox;
        CREATE POLICY everyone_reads ON outbox FOR SELECT USING (true);
        CREATE POLICY own_rows ON outbox FOR ALL USING (current_user = 'melanoma_' || service) WITH CHECK (current_user = 'melanoma_' || service);
    END IF;
END $$;
