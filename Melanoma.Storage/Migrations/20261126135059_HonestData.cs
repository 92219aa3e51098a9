using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Melanoma.Storage.Migrations
{
    /// <inheritdoc />
    public partial class HonestData : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_delivery_files_image_id",
                table: "delivery_files");

            migrationBuilder.DropIndex(
                name: "ix_datasets_kind_content_hash",
                table: "datasets");

            migrationBuilder.DropColumn(
                name: "perceptual_hash",
                table: "images");

            // Images of before are numbered in the order in which they came.
            migrationBuilder.Sql("""
                ALTER TABLE images ADD COLUMN number bigint;
                UPDATE images SET number = place.number
                FROM (SELECT id, row_number() OVER (ORDER BY received_at, id) AS number FROM images) AS place WHERE place.id = images.id;
                ALTER TABLE images ALTER COLUMN number SET NOT NULL;
                ALTER TABLE images ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY;
                SELECT setval(pg_get_serial_sequence('images', 'number'), coalesce((SELECT max(number) FROM images), 0) + 1, false);
                """);

            migrationBuilder.AddColumn<short>(
                name: "age_years",
                table: "images",
                type: "smallint",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "attribution",
                table: "images",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "delivery_id",
                table: "images",
                type: "uuid",
                nullable: true);

            // Images of before were delivered by whoever has the first line about them.
            migrationBuilder.Sql("""
                UPDATE images SET delivery_id = first.delivery_id
                FROM (SELECT DISTINCT ON (image_id) image_id, delivery_id FROM delivery_files WHERE image_id IS NOT NULL ORDER BY image_id, id) AS first
                WHERE first.image_id = images.id;
                ALTER TABLE images ALTER COLUMN delivery_id SET NOT NULL;
                """);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "excluded_at",
                table: "images",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "forgotten_at",
                table: "images",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "licence",
                table: "images",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<float>(
                name: "measures_blank_share",
                table: "images",
                type: "real",
                nullable: true);

            migrationBuilder.AddColumn<float>(
                name: "measures_burnt_share",
                table: "images",
                type: "real",
                nullable: true);

            migrationBuilder.AddColumn<float>(
                name: "measures_corner_brightness",
                table: "images",
                type: "real",
                nullable: true);

            migrationBuilder.AddColumn<float>(
                name: "measures_dark_corners",
                table: "images",
                type: "real",
                nullable: true);

            migrationBuilder.AddColumn<float>(
                name: "measures_dark_sides",
                table: "images",
                type: "real",
                nullable: true);

            migrationBuilder.AddColumn<float>(
                name: "measures_highlights",
                table: "images",
                type: "real",
                nullable: true);

            migrationBuilder.AddColumn<short>(
                name: "measures_jpeg_quality",
                table: "images",
                type: "smallint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "measures_jpeg_tables",
                table: "images",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<float>(
                name: "measures_likeness",
                table: "images",
                type: "real",
                nullable: true);

            migrationBuilder.AddColumn<short>(
                name: "measures_quality_flags",
                table: "images",
                type: "smallint",
                nullable: true);

            migrationBuilder.AddColumn<float>(
                name: "measures_sharpness",
                table: "images",
                type: "real",
                nullable: true);

            migrationBuilder.AddColumn<short>(
                name: "measures_subsampling",
                table: "images",
                type: "smallint",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "patient_id",
                table: "images",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "sex",
                table: "images",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "site",
                table: "images",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "skin_tone",
                table: "images",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "source",
                table: "images",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "near_duplicate_of_id",
                table: "delivery_files",
                type: "uuid",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "dataset_change",
                table: "deliveries",
                type: "jsonb",
                nullable: true);

            migrationBuilder.AddColumn<byte[]>(
                name: "facts_hash",
                table: "datasets",
                type: "bytea",
                nullable: false,
                defaultValueSql: "''");

            migrationBuilder.AddColumn<string>(
                name: "left_out",
                table: "datasets",
                type: "jsonb",
                nullable: true);

            migrationBuilder.AddColumn<string[]>(
                name: "licences",
                table: "datasets",
                type: "text[]",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "shortcuts",
                table: "datasets",
                type: "jsonb",
                nullable: true);

            migrationBuilder.AddColumn<string[]>(
                name: "warnings",
                table: "datasets",
                type: "text[]",
                nullable: false,
                defaultValueSql: "'{}'");

            migrationBuilder.CreateTable(
                name: "image_signatures",
                columns: table => new
                {
                    number = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    image_id = table.Column<Guid>(type: "uuid", nullable: false),
                    keys = table.Column<byte[]>(type: "bytea", nullable: false),
                    bytes = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_image_signatures", x => x.number);
                    table.ForeignKey(
                        name: "fk_image_signatures_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "likely_label_errors",
                columns: table => new
                {
                    run_id = table.Column<Guid>(type: "uuid", nullable: false),
                    image_id = table.Column<Guid>(type: "uuid", nullable: false),
                    claim = table.Column<short>(type: "smallint", nullable: false),
                    score = table.Column<float>(type: "real", nullable: false),
                    suggested = table.Column<short>(type: "smallint", nullable: false),
                    reason = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_likely_label_errors", x => new { x.run_id, x.image_id, x.claim });
                    table.CheckConstraint("ck_likely_label_errors_score", "score >= 0 AND score <= 1");
                    table.CheckConstraint("ck_likely_label_errors_sets", "claim > 0 AND claim < 512 AND suggested > 0 AND suggested < 512 AND claim & suggested = 0");
                    table.ForeignKey(
                        name: "fk_likely_label_errors_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "fk_likely_label_errors_runs_run_id",
                        column: x => x.run_id,
                        principalTable: "runs",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "metadata_rows",
                columns: table => new
                {
                    isic_id = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    table_name = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    delivery_id = table.Column<Guid>(type: "uuid", nullable: false),
                    diagnoses = table.Column<short>(type: "smallint", nullable: true),
                    rank = table.Column<short>(type: "smallint", nullable: false),
                    lesion_id = table.Column<string>(type: "text", nullable: true),
                    patient_id = table.Column<string>(type: "text", nullable: true),
                    age_years = table.Column<short>(type: "smallint", nullable: true),
                    sex = table.Column<string>(type: "text", nullable: true),
                    site = table.Column<string>(type: "text", nullable: true),
                    skin_tone = table.Column<string>(type: "text", nullable: true),
                    licence = table.Column<string>(type: "text", nullable: true),
                    attribution = table.Column<string>(type: "text", nullable: true),
                    source = table.Column<string>(type: "text", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_metadata_rows", x => new { x.isic_id, x.table_name });
                    table.CheckConstraint("ck_metadata_rows_age", "age_years >= 0 AND age_years <= 120");
                    table.CheckConstraint("ck_metadata_rows_diagnoses", "diagnoses > 0 AND diagnoses < 512");
                    table.ForeignKey(
                        name: "fk_metadata_rows_deliveries_delivery_id",
                        column: x => x.delivery_id,
                        principalTable: "deliveries",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "near_duplicates",
                columns: table => new
                {
                    image_id = table.Column<Guid>(type: "uuid", nullable: false),
                    duplicate_of_id = table.Column<Guid>(type: "uuid", nullable: false),
                    similarity = table.Column<float>(type: "real", nullable: false),
                    transform = table.Column<string>(type: "character varying(100)", maxLength: 100, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_near_duplicates", x => new { x.image_id, x.duplicate_of_id });
                    table.CheckConstraint("ck_near_duplicates_another_image", "image_id <> duplicate_of_id");
                    table.ForeignKey(
                        name: "fk_near_duplicates_images_duplicate_of_id",
                        column: x => x.duplicate_of_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "fk_near_duplicates_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "review_decisions",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    action = table.Column<string>(type: "text", nullable: false),
                    diagnoses = table.Column<short>(type: "smallint", nullable: true),
                    decided_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    decided_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    comment = table.Column<string>(type: "character varying(2000)", maxLength: 2000, nullable: false),
                    undoes_id = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_review_decisions", x => x.id);
                    table.CheckConstraint("ck_review_decisions_diagnoses", "(action = 'settle') = (diagnoses IS NOT NULL) AND diagnoses > 0 AND diagnoses < 512");
                    table.CheckConstraint("ck_review_decisions_undo", "(action = 'undo') = (undoes_id IS NOT NULL)");
                    table.ForeignKey(
                        name: "fk_review_decisions_review_decisions_undoes_id",
                        column: x => x.undoes_id,
                        principalTable: "review_decisions",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "review_items",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    kind = table.Column<string>(type: "text", nullable: false),
                    group_id = table.Column<Guid>(type: "uuid", nullable: false),
                    image_id = table.Column<Guid>(type: "uuid", nullable: true),
                    state = table.Column<string>(type: "text", nullable: false),
                    opened_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    closed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    score = table.Column<float>(type: "real", nullable: false),
                    suggested = table.Column<short>(type: "smallint", nullable: true),
                    reason = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_review_items", x => x.id);
                    table.ForeignKey(
                        name: "fk_review_items_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "fk_review_items_lesion_groups_group_id",
                        column: x => x.group_id,
                        principalTable: "lesion_groups",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "review_decision_images",
                columns: table => new
                {
                    decision_id = table.Column<long>(type: "bigint", nullable: false),
                    image_id = table.Column<Guid>(type: "uuid", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_review_decision_images", x => new { x.decision_id, x.image_id });
                    table.ForeignKey(
                        name: "fk_review_decision_images_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "fk_review_decision_images_review_decisions_decision_id",
                        column: x => x.decision_id,
                        principalTable: "review_decisions",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_images_delivery_id",
                table: "images",
                column: "delivery_id");

            migrationBuilder.CreateIndex(
                name: "ix_images_forgotten_at",
                table: "images",
                column: "forgotten_at",
                filter: "forgotten_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_images_measures_quality_flags",
                table: "images",
                column: "measures_quality_flags",
                filter: "measures_quality_flags <> 0");

            migrationBuilder.CreateIndex(
                name: "ix_images_number",
                table: "images",
                column: "number",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_images_number1",
                table: "images",
                column: "number",
                filter: "measures_quality_flags IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_images_patient_id",
                table: "images",
                column: "patient_id",
                filter: "patient_id IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_delivery_files_image_id_id",
                table: "delivery_files",
                columns: new[] { "image_id", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_delivery_files_near_duplicate_of_id",
                table: "delivery_files",
                column: "near_duplicate_of_id");

            migrationBuilder.CreateIndex(
                name: "ix_datasets_kind_content_hash_facts_hash",
                table: "datasets",
                columns: new[] { "kind", "content_hash", "facts_hash" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_image_signatures_image_id",
                table: "image_signatures",
                column: "image_id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_likely_label_errors_image_id",
                table: "likely_label_errors",
                column: "image_id");

            migrationBuilder.CreateIndex(
                name: "ix_metadata_rows_delivery_id",
                table: "metadata_rows",
                column: "delivery_id");

            migrationBuilder.CreateIndex(
                name: "ix_metadata_rows_lesion_id",
                table: "metadata_rows",
                column: "lesion_id");

            migrationBuilder.CreateIndex(
                name: "ix_metadata_rows_patient_id",
                table: "metadata_rows",
                column: "patient_id");

            migrationBuilder.CreateIndex(
                name: "ix_near_duplicates_duplicate_of_id",
                table: "near_duplicates",
                column: "duplicate_of_id");

            migrationBuilder.CreateIndex(
                name: "ix_review_decision_images_image_id",
                table: "review_decision_images",
                column: "image_id");

            migrationBuilder.CreateIndex(
                name: "ix_review_decisions_undoes_id",
                table: "review_decisions",
                column: "undoes_id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_review_items_group_id",
                table: "review_items",
                column: "group_id");

            migrationBuilder.CreateIndex(
                name: "ix_review_items_image_id",
                table: "review_items",
                column: "image_id");

            migrationBuilder.CreateIndex(
                name: "ix_review_items_kind_group_id_image_id",
                table: "review_items",
                columns: new[] { "kind", "group_id", "image_id" },
                unique: true,
                filter: "state <> 'closed'")
                .Annotation("Npgsql:NullsDistinct", false);

            migrationBuilder.CreateIndex(
                name: "ix_review_items_state_kind_id",
                table: "review_items",
                columns: new[] { "state", "kind", "id" });

            migrationBuilder.AddForeignKey(
                name: "fk_delivery_files_images_near_duplicate_of_id",
                table: "delivery_files",
                column: "near_duplicate_of_id",
                principalTable: "images",
                principalColumn: "id",
                onDelete: ReferentialAction.Restrict);

            migrationBuilder.AddForeignKey(
                name: "fk_images_deliveries_delivery_id",
                table: "images",
                column: "delivery_id",
                principalTable: "deliveries",
                principalColumn: "id",
                onDelete: ReferentialAction.Restrict);

            // Signatures do not compress, and trying costs time on every insert.
            migrationBuilder.Sql("ALTER TABLE image_signatures ALTER COLUMN bytes SET STORAGE EXTERNAL;");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "fk_delivery_files_images_near_duplicate_of_id",
                table: "delivery_files");

            migrationBuilder.DropForeignKey(
                name: "fk_images_deliveries_delivery_id",
                table: "images");

            migrationBuilder.DropTable(
                name: "image_signatures");

            migrationBuilder.DropTable(
                name: "likely_label_errors");

            migrationBuilder.DropTable(
                name: "metadata_rows");

            migrationBuilder.DropTable(
                name: "near_duplicates");

            migrationBuilder.DropTable(
                name: "review_decision_images");

            migrationBuilder.DropTable(
                name: "review_items");

            migrationBuilder.DropTable(
                name: "review_decisions");

            migrationBuilder.DropIndex(
                name: "ix_images_delivery_id",
                table: "images");

            migrationBuilder.DropIndex(
                name: "ix_images_forgotten_at",
                table: "images");

            migrationBuilder.DropIndex(
                name: "ix_images_measures_quality_flags",
                table: "images");

            migrationBuilder.DropIndex(
                name: "ix_images_number",
                table: "images");

            migrationBuilder.DropIndex(
                name: "ix_images_number1",
                table: "images");

            migrationBuilder.DropIndex(
                name: "ix_images_patient_id",
                table: "images");

            migrationBuilder.DropIndex(
                name: "ix_delivery_files_image_id_id",
                table: "delivery_files");

            migrationBuilder.DropIndex(
                name: "ix_delivery_files_near_duplicate_of_id",
                table: "delivery_files");

            migrationBuilder.DropIndex(
                name: "ix_datasets_kind_content_hash_facts_hash",
                table: "datasets");

            migrationBuilder.DropColumn(
                name: "age_years",
                table: "images");

            migrationBuilder.DropColumn(
                name: "attribution",
                table: "images");

            migrationBuilder.DropColumn(
                name: "delivery_id",
                table: "images");

            migrationBuilder.DropColumn(
                name: "excluded_at",
                table: "images");

            migrationBuilder.DropColumn(
                name: "forgotten_at",
                table: "images");

            migrationBuilder.DropColumn(
                name: "licence",
                table: "images");

            migrationBuilder.DropColumn(
                name: "measures_blank_share",
                table: "images");

            migrationBuilder.DropColumn(
                name: "measures_burnt_share",
                table: "images");

            migrationBuilder.DropColumn(
                name: "measures_corner_brightness",
                table: "images");

            migrationBuilder.DropColumn(
                name: "measures_dark_corners",
                table: "images");

            migrationBuilder.DropColumn(
                name: "measures_dark_sides",
                table: "images");

            migrationBuilder.DropColumn(
                name: "measures_highlights",
                table: "images");

            migrationBuilder.DropColumn(
                name: "measures_jpeg_quality",
                table: "images");

            migrationBuilder.DropColumn(
                name: "measures_jpeg_tables",
                table: "images");

            migrationBuilder.DropColumn(
                name: "measures_likeness",
                table: "images");

            migrationBuilder.DropColumn(
                name: "measures_quality_flags",
                table: "images");

            migrationBuilder.DropColumn(
                name: "measures_sharpness",
                table: "images");

            migrationBuilder.DropColumn(
                name: "measures_subsampling",
                table: "images");

            migrationBuilder.DropColumn(
                name: "patient_id",
                table: "images");

            migrationBuilder.DropColumn(
                name: "sex",
                table: "images");

            migrationBuilder.DropColumn(
                name: "site",
                table: "images");

            migrationBuilder.DropColumn(
                name: "skin_tone",
                table: "images");

            migrationBuilder.DropColumn(
                name: "source",
                table: "images");

            migrationBuilder.DropColumn(
                name: "near_duplicate_of_id",
                table: "delivery_files");

            migrationBuilder.DropColumn(
                name: "dataset_change",
                table: "deliveries");

            migrationBuilder.DropColumn(
                name: "facts_hash",
                table: "datasets");

            migrationBuilder.DropColumn(
                name: "left_out",
                table: "datasets");

            migrationBuilder.DropColumn(
                name: "licences",
                table: "datasets");

            migrationBuilder.DropColumn(
                name: "shortcuts",
                table: "datasets");

            migrationBuilder.DropColumn(
                name: "warnings",
                table: "datasets");

            migrationBuilder.DropColumn(
                name: "number",
                table: "images");

            migrationBuilder.AddColumn<long>(
                name: "perceptual_hash",
                table: "images",
                type: "bigint",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.CreateIndex(
                name: "ix_delivery_files_image_id",
                table: "delivery_files",
                column: "image_id");

            migrationBuilder.CreateIndex(
                name: "ix_datasets_kind_content_hash",
                table: "datasets",
                columns: new[] { "kind", "content_hash" },
                unique: true);
        }
    }
}
