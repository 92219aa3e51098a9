using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Melanoma.Storage.Migrations
{
    /// <inheritdoc />
    public partial class Initial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "api_keys",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    name = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    tenant = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    key_sha256 = table.Column<byte[]>(type: "bytea", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    revoked_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_api_keys", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "datasets",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    kind = table.Column<string>(type: "text", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    content_hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    rules = table.Column<string[]>(type: "text[]", nullable: false),
                    parked = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_datasets", x => x.id);
                    table.UniqueConstraint("ak_datasets_id_kind", x => new { x.id, x.kind });
                });

            migrationBuilder.CreateTable(
                name: "deliveries",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    name = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    state = table.Column<string>(type: "text", nullable: false),
                    delivered_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    completed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_deliveries", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "lesion_groups",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    split = table.Column<string>(type: "text", nullable: true),
                    delivered_as_test = table.Column<bool>(type: "boolean", nullable: false),
                    merged_into_id = table.Column<Guid>(type: "uuid", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_lesion_groups", x => x.id);
                    table.ForeignKey(
                        name: "fk_lesion_groups_lesion_groups_merged_into_id",
                        column: x => x.merged_into_id,
                        principalTable: "lesion_groups",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "outbox",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    service = table.Column<string>(type: "text", nullable: false),
                    message_name = table.Column<string>(type: "text", nullable: false),
                    body = table.Column<string>(type: "jsonb", nullable: false),
                    trace_parent = table.Column<string>(type: "text", nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()"),
                    sent_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_outbox", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "sign_in_tokens",
                columns: table => new
                {
                    token_sha256 = table.Column<byte[]>(type: "bytea", nullable: false),
                    api_key_id = table.Column<Guid>(type: "uuid", nullable: false),
                    kind = table.Column<string>(type: "text", nullable: false),
                    expires_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    used_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_sign_in_tokens", x => x.token_sha256);
                    table.ForeignKey(
                        name: "fk_sign_in_tokens_api_keys_api_key_id",
                        column: x => x.api_key_id,
                        principalTable: "api_keys",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "augmentations",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    dataset_id = table.Column<int>(type: "integer", nullable: false),
                    dataset_kind = table.Column<string>(type: "text", nullable: false),
                    policy = table.Column<string>(type: "text", nullable: false),
                    samples_per_class = table.Column<int>(type: "integer", nullable: false),
                    seed = table.Column<int>(type: "integer", nullable: false),
                    batches = table.Column<int>(type: "integer", nullable: false),
                    planned_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    completed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_augmentations", x => x.id);
                    table.ForeignKey(
                        name: "fk_augmentations_datasets_dataset_id_dataset_kind",
                        columns: x => new { x.dataset_id, x.dataset_kind },
                        principalTable: "datasets",
                        principalColumns: new[] { "id", "kind" },
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "runs",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    recipe = table.Column<string>(type: "text", nullable: false),
                    recipe_version = table.Column<int>(type: "integer", nullable: false),
                    dataset_id = table.Column<int>(type: "integer", nullable: false),
                    dataset_kind = table.Column<string>(type: "text", nullable: false),
                    epochs = table.Column<int>(type: "integer", nullable: false),
                    seed = table.Column<int>(type: "integer", nullable: false),
                    augmentation_policy = table.Column<string>(type: "text", nullable: false),
                    samples_per_class = table.Column<int>(type: "integer", nullable: false),
                    requested_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    requested_by = table.Column<string>(type: "text", nullable: false),
                    cancel_requested_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_runs", x => x.id);
                    table.ForeignKey(
                        name: "fk_runs_datasets_dataset_id_dataset_kind",
                        columns: x => new { x.dataset_id, x.dataset_kind },
                        principalTable: "datasets",
                        principalColumns: new[] { "id", "kind" },
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "dataset_groups",
                columns: table => new
                {
                    dataset_id = table.Column<int>(type: "integer", nullable: false),
                    group_id = table.Column<Guid>(type: "uuid", nullable: false),
                    kind = table.Column<string>(type: "text", nullable: false),
                    split = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_dataset_groups", x => new { x.dataset_id, x.group_id });
                    table.UniqueConstraint("ak_dataset_groups_dataset_id_kind_group_id_split", x => new { x.dataset_id, x.kind, x.group_id, x.split });
                    table.ForeignKey(
                        name: "fk_dataset_groups_datasets_dataset_id_kind",
                        columns: x => new { x.dataset_id, x.kind },
                        principalTable: "datasets",
                        principalColumns: new[] { "id", "kind" },
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_dataset_groups_lesion_groups_group_id",
                        column: x => x.group_id,
                        principalTable: "lesion_groups",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "images",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    sha256 = table.Column<byte[]>(type: "bytea", nullable: false),
                    group_id = table.Column<Guid>(type: "uuid", nullable: false),
                    media_type = table.Column<string>(type: "text", nullable: false),
                    width = table.Column<int>(type: "integer", nullable: false),
                    height = table.Column<int>(type: "integer", nullable: false),
                    size_bytes = table.Column<int>(type: "integer", nullable: false),
                    perceptual_hash = table.Column<long>(type: "bigint", nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    label_state = table.Column<string>(type: "text", nullable: false),
                    label = table.Column<short>(type: "smallint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_images", x => x.id);
                    table.ForeignKey(
                        name: "fk_images_lesion_groups_group_id",
                        column: x => x.group_id,
                        principalTable: "lesion_groups",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "augmentation_batches",
                columns: table => new
                {
                    augmentation_id = table.Column<Guid>(type: "uuid", nullable: false),
                    number = table.Column<int>(type: "integer", nullable: false),
                    first_ordinal = table.Column<int>(type: "integer", nullable: false),
                    count = table.Column<int>(type: "integer", nullable: false),
                    owner = table.Column<string>(type: "text", nullable: true),
                    lease_until = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    fence = table.Column<long>(type: "bigint", nullable: false),
                    completed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    error = table.Column<string>(type: "text", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_augmentation_batches", x => new { x.augmentation_id, x.number });
                    table.ForeignKey(
                        name: "fk_augmentation_batches_augmentations_augmentation_id",
                        column: x => x.augmentation_id,
                        principalTable: "augmentations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "checkpoints",
                columns: table => new
                {
                    run_id = table.Column<Guid>(type: "uuid", nullable: false),
                    epoch = table.Column<int>(type: "integer", nullable: false),
                    saved_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    state = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_checkpoints", x => new { x.run_id, x.epoch });
                    table.ForeignKey(
                        name: "fk_checkpoints_runs_run_id",
                        column: x => x.run_id,
                        principalTable: "runs",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "model_versions",
                columns: table => new
                {
                    version = table.Column<int>(type: "integer", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    run_id = table.Column<Guid>(type: "uuid", nullable: false),
                    recipe = table.Column<string>(type: "text", nullable: false),
                    recipe_version = table.Column<int>(type: "integer", nullable: false),
                    dataset_id = table.Column<int>(type: "integer", nullable: false),
                    dataset_kind = table.Column<string>(type: "text", nullable: false),
                    state = table.Column<string>(type: "text", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    input_size = table.Column<int>(type: "integer", nullable: false),
                    report = table.Column<string>(type: "jsonb", nullable: false),
                    policy_decision = table.Column<string>(type: "text", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_model_versions", x => x.version);
                    table.CheckConstraint("ck_model_versions_honest", "state = 'candidate' OR dataset_kind = 'honest'");
                    table.ForeignKey(
                        name: "fk_model_versions_datasets_dataset_id_dataset_kind",
                        columns: x => new { x.dataset_id, x.dataset_kind },
                        principalTable: "datasets",
                        principalColumns: new[] { "id", "kind" },
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_model_versions_runs_run_id",
                        column: x => x.run_id,
                        principalTable: "runs",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "run_epochs",
                columns: table => new
                {
                    run_id = table.Column<Guid>(type: "uuid", nullable: false),
                    epoch = table.Column<int>(type: "integer", nullable: false),
                    training_loss = table.Column<double>(type: "double precision", nullable: false),
                    training_accuracy = table.Column<double>(type: "double precision", nullable: false),
                    validation_loss = table.Column<double>(type: "double precision", nullable: false),
                    validation_accuracy = table.Column<double>(type: "double precision", nullable: false),
                    validation_balanced_accuracy = table.Column<double>(type: "double precision", nullable: false),
                    learning_rate = table.Column<double>(type: "double precision", nullable: false),
                    seconds = table.Column<double>(type: "double precision", nullable: false),
                    images_per_second = table.Column<double>(type: "double precision", nullable: false),
                    worker = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_run_epochs", x => new { x.run_id, x.epoch });
                    table.ForeignKey(
                        name: "fk_run_epochs_runs_run_id",
                        column: x => x.run_id,
                        principalTable: "runs",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "run_executions",
                columns: table => new
                {
                    run_id = table.Column<Guid>(type: "uuid", nullable: false),
                    state = table.Column<string>(type: "text", nullable: false),
                    lease_owner = table.Column<string>(type: "text", nullable: true),
                    lease_until = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    fence = table.Column<long>(type: "bigint", nullable: false),
                    attempts = table.Column<int>(type: "integer", nullable: false),
                    error = table.Column<string>(type: "text", nullable: true),
                    started_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    ended_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    epoch_fraction = table.Column<double>(type: "double precision", nullable: false),
                    images_per_second = table.Column<double>(type: "double precision", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_run_executions", x => x.run_id);
                    table.ForeignKey(
                        name: "fk_run_executions_runs_run_id",
                        column: x => x.run_id,
                        principalTable: "runs",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "delivery_files",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    delivery_id = table.Column<Guid>(type: "uuid", nullable: false),
                    path = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: false),
                    outcome = table.Column<string>(type: "text", nullable: false),
                    reason = table.Column<string>(type: "text", nullable: false),
                    refusal_kind = table.Column<string>(type: "text", nullable: true),
                    image_id = table.Column<Guid>(type: "uuid", nullable: true),
                    folder_diagnosis = table.Column<short>(type: "smallint", nullable: true),
                    folder_split = table.Column<string>(type: "text", nullable: true),
                    size_bytes = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_delivery_files", x => x.id);
                    table.ForeignKey(
                        name: "fk_delivery_files_deliveries_delivery_id",
                        column: x => x.delivery_id,
                        principalTable: "deliveries",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_delivery_files_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id");
                });

            migrationBuilder.CreateTable(
                name: "image_contents",
                columns: table => new
                {
                    image_id = table.Column<Guid>(type: "uuid", nullable: false),
                    bytes = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_image_contents", x => x.image_id);
                    table.ForeignKey(
                        name: "fk_image_contents_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "image_isic_ids",
                columns: table => new
                {
                    image_id = table.Column<Guid>(type: "uuid", nullable: false),
                    isic_id = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_image_isic_ids", x => new { x.image_id, x.isic_id });
                    table.ForeignKey(
                        name: "fk_image_isic_ids_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "label_claims",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    image_id = table.Column<Guid>(type: "uuid", nullable: false),
                    diagnoses = table.Column<short>(type: "smallint", nullable: false),
                    rank = table.Column<short>(type: "smallint", nullable: false),
                    claimed_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    claimed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_label_claims", x => x.id);
                    table.CheckConstraint("ck_label_claims_diagnoses", "diagnoses > 0 AND diagnoses < 512");
                    table.ForeignKey(
                        name: "fk_label_claims_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "model_artefacts",
                columns: table => new
                {
                    version = table.Column<int>(type: "integer", nullable: false),
                    precision = table.Column<string>(type: "text", nullable: false),
                    sha256 = table.Column<byte[]>(type: "bytea", nullable: false),
                    bytes = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_model_artefacts", x => new { x.version, x.precision });
                    table.ForeignKey(
                        name: "fk_model_artefacts_model_versions_version",
                        column: x => x.version,
                        principalTable: "model_versions",
                        principalColumn: "version",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "model_transitions",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    from_version = table.Column<int>(type: "integer", nullable: true),
                    to_version = table.Column<int>(type: "integer", nullable: false),
                    actor = table.Column<string>(type: "text", nullable: false),
                    reason = table.Column<string>(type: "text", nullable: false),
                    time = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_model_transitions", x => x.id);
                    table.ForeignKey(
                        name: "fk_model_transitions_model_versions_from_version",
                        column: x => x.from_version,
                        principalTable: "model_versions",
                        principalColumn: "version");
                    table.ForeignKey(
                        name: "fk_model_transitions_model_versions_to_version",
                        column: x => x.to_version,
                        principalTable: "model_versions",
                        principalColumn: "version",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "predictions",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    time = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    caller = table.Column<string>(type: "text", nullable: false),
                    case_reference = table.Column<string>(type: "text", nullable: true),
                    model_version = table.Column<int>(type: "integer", nullable: false),
                    execution_provider = table.Column<string>(type: "text", nullable: false),
                    image_sha256 = table.Column<byte[]>(type: "bytea", nullable: false),
                    probabilities = table.Column<double[]>(type: "double precision[]", nullable: false),
                    diagnosis = table.Column<short>(type: "smallint", nullable: false),
                    latency_ms = table.Column<double>(type: "double precision", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_predictions", x => x.id);
                    table.CheckConstraint("ck_predictions_nine", "cardinality(probabilities) = 9");
                    table.ForeignKey(
                        name: "fk_predictions_model_versions_model_version",
                        column: x => x.model_version,
                        principalTable: "model_versions",
                        principalColumn: "version",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "dataset_items",
                columns: table => new
                {
                    dataset_id = table.Column<int>(type: "integer", nullable: false),
                    ordinal = table.Column<int>(type: "integer", nullable: false),
                    kind = table.Column<string>(type: "text", nullable: false),
                    split = table.Column<string>(type: "text", nullable: false),
                    group_id = table.Column<Guid>(type: "uuid", nullable: true),
                    image_id = table.Column<Guid>(type: "uuid", nullable: false),
                    delivery_file_id = table.Column<long>(type: "bigint", nullable: true),
                    label = table.Column<short>(type: "smallint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_dataset_items", x => new { x.dataset_id, x.ordinal });
                    table.UniqueConstraint("ak_dataset_items_dataset_id_kind_ordinal_split", x => new { x.dataset_id, x.kind, x.ordinal, x.split });
                    table.CheckConstraint("ck_dataset_items_group", "(kind = 'reproduction') = (group_id IS NULL)");
                    table.CheckConstraint("ck_dataset_items_rows", "(kind = 'reproduction') = (delivery_file_id IS NOT NULL)");
                    table.ForeignKey(
                        name: "fk_dataset_items_dataset_groups_dataset_id_kind_group_id_split",
                        columns: x => new { x.dataset_id, x.kind, x.group_id, x.split },
                        principalTable: "dataset_groups",
                        principalColumns: new[] { "dataset_id", "kind", "group_id", "split" });
                    table.ForeignKey(
                        name: "fk_dataset_items_datasets_dataset_id_kind",
                        columns: x => new { x.dataset_id, x.kind },
                        principalTable: "datasets",
                        principalColumns: new[] { "id", "kind" },
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_dataset_items_delivery_files_delivery_file_id",
                        column: x => x.delivery_file_id,
                        principalTable: "delivery_files",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "fk_dataset_items_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "variants",
                columns: table => new
                {
                    augmentation_id = table.Column<Guid>(type: "uuid", nullable: false),
                    ordinal = table.Column<int>(type: "integer", nullable: false),
                    dataset_id = table.Column<int>(type: "integer", nullable: false),
                    dataset_kind = table.Column<string>(type: "text", nullable: false),
                    parent_ordinal = table.Column<int>(type: "integer", nullable: false),
                    parent_split = table.Column<string>(type: "text", nullable: false),
                    split = table.Column<string>(type: "text", nullable: false),
                    label = table.Column<short>(type: "smallint", nullable: false),
                    parameters = table.Column<string>(type: "jsonb", nullable: false),
                    sha256 = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_variants", x => new { x.augmentation_id, x.ordinal });
                    table.CheckConstraint("ck_variants_train_only", "dataset_kind = 'reproduction' OR (split = 'train' AND parent_split = 'train')");
                    table.ForeignKey(
                        name: "fk_variants_augmentations_augmentation_id",
                        column: x => x.augmentation_id,
                        principalTable: "augmentations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_variants_dataset_items_dataset_id_dataset_kind_parent_ordin",
                        columns: x => new { x.dataset_id, x.dataset_kind, x.parent_ordinal, x.parent_split },
                        principalTable: "dataset_items",
                        principalColumns: new[] { "dataset_id", "kind", "ordinal", "split" },
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "variant_contents",
                columns: table => new
                {
                    augmentation_id = table.Column<Guid>(type: "uuid", nullable: false),
                    ordinal = table.Column<int>(type: "integer", nullable: false),
                    bytes = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_variant_contents", x => new { x.augmentation_id, x.ordinal });
                    table.ForeignKey(
                        name: "fk_variant_contents_variants_augmentation_id_ordinal",
                        columns: x => new { x.augmentation_id, x.ordinal },
                        principalTable: "variants",
                        principalColumns: new[] { "augmentation_id", "ordinal" },
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_api_keys_key_sha256",
                table: "api_keys",
                column: "key_sha256",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_api_keys_name",
                table: "api_keys",
                column: "name",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_augmentation_batches_completed_at",
                table: "augmentation_batches",
                column: "completed_at",
                filter: "completed_at IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_augmentations_dataset_id_dataset_kind",
                table: "augmentations",
                columns: new[] { "dataset_id", "dataset_kind" });

            migrationBuilder.CreateIndex(
                name: "ix_augmentations_dataset_id_policy_samples_per_class_seed",
                table: "augmentations",
                columns: new[] { "dataset_id", "policy", "samples_per_class", "seed" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_dataset_groups_group_id",
                table: "dataset_groups",
                column: "group_id");

            migrationBuilder.CreateIndex(
                name: "ix_dataset_items_dataset_id_kind_group_id_split",
                table: "dataset_items",
                columns: new[] { "dataset_id", "kind", "group_id", "split" });

            migrationBuilder.CreateIndex(
                name: "ix_dataset_items_delivery_file_id",
                table: "dataset_items",
                column: "delivery_file_id");

            migrationBuilder.CreateIndex(
                name: "ix_dataset_items_image_id",
                table: "dataset_items",
                column: "image_id");

            migrationBuilder.CreateIndex(
                name: "ix_datasets_kind_content_hash",
                table: "datasets",
                columns: new[] { "kind", "content_hash" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_delivery_files_delivery_id_path",
                table: "delivery_files",
                columns: new[] { "delivery_id", "path" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_delivery_files_image_id",
                table: "delivery_files",
                column: "image_id");

            migrationBuilder.CreateIndex(
                name: "ix_image_isic_ids_isic_id",
                table: "image_isic_ids",
                column: "isic_id");

            migrationBuilder.CreateIndex(
                name: "ix_images_group_id",
                table: "images",
                column: "group_id");

            migrationBuilder.CreateIndex(
                name: "ix_images_label_state",
                table: "images",
                column: "label_state");

            migrationBuilder.CreateIndex(
                name: "ix_images_sha256",
                table: "images",
                column: "sha256",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_label_claims_image_id_rank_diagnoses_claimed_by",
                table: "label_claims",
                columns: new[] { "image_id", "rank", "diagnoses", "claimed_by" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_lesion_groups_merged_into_id",
                table: "lesion_groups",
                column: "merged_into_id");

            migrationBuilder.CreateIndex(
                name: "ix_model_transitions_from_version",
                table: "model_transitions",
                column: "from_version");

            migrationBuilder.CreateIndex(
                name: "ix_model_transitions_to_version",
                table: "model_transitions",
                column: "to_version");

            migrationBuilder.CreateIndex(
                name: "ix_model_versions_dataset_id_dataset_kind",
                table: "model_versions",
                columns: new[] { "dataset_id", "dataset_kind" });

            migrationBuilder.CreateIndex(
                name: "ix_model_versions_run_id",
                table: "model_versions",
                column: "run_id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_model_versions_state",
                table: "model_versions",
                column: "state",
                unique: true,
                filter: "state = 'production'");

            migrationBuilder.CreateIndex(
                name: "ix_outbox_service_id",
                table: "outbox",
                columns: new[] { "service", "id" },
                filter: "sent_at IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_predictions_model_version",
                table: "predictions",
                column: "model_version");

            migrationBuilder.CreateIndex(
                name: "ix_predictions_tenant_id",
                table: "predictions",
                columns: new[] { "tenant", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_run_executions_state",
                table: "run_executions",
                column: "state");

            migrationBuilder.CreateIndex(
                name: "ix_runs_dataset_id_augmentation_policy_samples_per_class_seed",
                table: "runs",
                columns: new[] { "dataset_id", "augmentation_policy", "samples_per_class", "seed" });

            migrationBuilder.CreateIndex(
                name: "ix_runs_dataset_id_dataset_kind",
                table: "runs",
                columns: new[] { "dataset_id", "dataset_kind" });

            migrationBuilder.CreateIndex(
                name: "ix_runs_requested_at",
                table: "runs",
                column: "requested_at");

            migrationBuilder.CreateIndex(
                name: "ix_sign_in_tokens_api_key_id",
                table: "sign_in_tokens",
                column: "api_key_id");

            migrationBuilder.CreateIndex(
                name: "ix_variants_dataset_id_dataset_kind_parent_ordinal_parent_split",
                table: "variants",
                columns: new[] { "dataset_id", "dataset_kind", "parent_ordinal", "parent_split" });

            // Encoded images and networks do not compress: keep them out of line and whole, so that a part can be read without the rest.
            migrationBuilder.Sql("""
                ALTER TABLE image_contents ALTER COLUMN bytes SET STORAGE EXTERNAL;
                ALTER TABLE variant_contents ALTER COLUMN bytes SET STORAGE EXTERNAL;
                ALTER TABLE checkpoints ALTER COLUMN state SET STORAGE EXTERNAL;
                ALTER TABLE model_artefacts ALTER COLUMN bytes SET STORAGE EXTERNAL;
                """);

            // Triggers wake listeners, so that no writer can forget to; the payload only says where to look.
            migrationBuilder.Sql("""
                CREATE FUNCTION melanoma_notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    PERFORM pg_notify('melanoma_outbox', NEW.service);
                    RETURN NULL;
                END $$;
                CREATE TRIGGER notify_outbox AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION melanoma_notify_outbox();

                CREATE FUNCTION melanoma_notify_run() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    PERFORM pg_notify('melanoma_runs', NEW.run_id::text);
                    RETURN NULL;
                END $$;
                CREATE TRIGGER notify_run AFTER INSERT OR UPDATE ON run_executions FOR EACH ROW EXECUTE FUNCTION melanoma_notify_run();
                CREATE TRIGGER notify_run AFTER INSERT ON run_epochs FOR EACH ROW EXECUTE FUNCTION melanoma_notify_run();
                CREATE TRIGGER notify_run AFTER INSERT ON model_versions FOR EACH ROW EXECUTE FUNCTION melanoma_notify_run();

                CREATE FUNCTION melanoma_notify_runs() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    PERFORM pg_notify('melanoma_runs', '');
                    RETURN NULL;
                END $$;
                CREATE TRIGGER notify_runs AFTER INSERT OR UPDATE ON augmentations FOR EACH STATEMENT EXECUTE FUNCTION melanoma_notify_runs();
                CREATE TRIGGER notify_runs AFTER INSERT OR UPDATE ON augmentation_batches FOR EACH STATEMENT EXECUTE FUNCTION melanoma_notify_runs();
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("""
                DROP FUNCTION melanoma_notify_outbox() CASCADE;
                DROP FUNCTION melanoma_notify_run() CASCADE;
                DROP FUNCTION melanoma_notify_runs() CASCADE;
                """);

            migrationBuilder.DropTable(
                name: "augmentation_batches");

            migrationBuilder.DropTable(
                name: "checkpoints");

            migrationBuilder.DropTable(
                name: "image_contents");

            migrationBuilder.DropTable(
                name: "image_isic_ids");

            migrationBuilder.DropTable(
                name: "label_claims");

            migrationBuilder.DropTable(
                name: "model_artefacts");

            migrationBuilder.DropTable(
                name: "model_transitions");

            migrationBuilder.DropTable(
                name: "outbox");

            migrationBuilder.DropTable(
                name: "predictions");

            migrationBuilder.DropTable(
                name: "run_epochs");

            migrationBuilder.DropTable(
                name: "run_executions");

            migrationBuilder.DropTable(
                name: "sign_in_tokens");

            migrationBuilder.DropTable(
                name: "variant_contents");

            migrationBuilder.DropTable(
                name: "model_versions");

            migrationBuilder.DropTable(
                name: "api_keys");

            migrationBuilder.DropTable(
                name: "variants");

            migrationBuilder.DropTable(
                name: "runs");

            migrationBuilder.DropTable(
                name: "augmentations");

            migrationBuilder.DropTable(
                name: "dataset_items");

            migrationBuilder.DropTable(
                name: "dataset_groups");

            migrationBuilder.DropTable(
                name: "delivery_files");

            migrationBuilder.DropTable(
                name: "datasets");

            migrationBuilder.DropTable(
                name: "deliveries");

            migrationBuilder.DropTable(
                name: "images");

            migrationBuilder.DropTable(
                name: "lesion_groups");
        }
    }
}
