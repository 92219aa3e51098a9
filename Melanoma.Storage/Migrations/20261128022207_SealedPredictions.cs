using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Melanoma.Storage.Migrations
{
    /// <inheritdoc />
    public partial class SealedPredictions : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "audit_anchors",
                columns: table => new
                {
                    month = table.Column<DateOnly>(type: "date", nullable: false),
                    last_position = table.Column<long>(type: "bigint", nullable: false),
                    last_hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    dropped = table.Column<long>(type: "bigint", nullable: false),
                    dropped_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_audit_anchors", x => x.month);
                });

            migrationBuilder.CreateTable(
                name: "idempotency_keys",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    key = table.Column<string>(type: "text", nullable: false),
                    image_sha256 = table.Column<byte[]>(type: "bytea", nullable: false),
                    prediction_id = table.Column<Guid>(type: "uuid", nullable: false),
                    answer = table.Column<byte[]>(type: "bytea", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_idempotency_keys", x => new { x.tenant, x.key });
                });

            migrationBuilder.CreateTable(
                name: "prediction_seals",
                columns: table => new
                {
                    position = table.Column<long>(type: "bigint", nullable: false),
                    prediction_id = table.Column<Guid>(type: "uuid", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    tenant_sequence = table.Column<long>(type: "bigint", nullable: false),
                    form = table.Column<short>(type: "smallint", nullable: false),
                    hash = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_prediction_seals", x => x.position);
                    table.CheckConstraint("ck_prediction_seals_from_one", "position >= 1 AND tenant_sequence >= 1");
                    table.CheckConstraint("ck_prediction_seals_sha256", "octet_length(hash) = 32");
                });

            migrationBuilder.CreateTable(
                name: "unsealed_predictions",
                columns: table => new
                {
                    prediction_id = table.Column<Guid>(type: "uuid", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_unsealed_predictions", x => x.prediction_id);
                });

            migrationBuilder.CreateTable(
                name: "audit_anchor_sequences",
                columns: table => new
                {
                    month = table.Column<DateOnly>(type: "date", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    last_sequence = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_audit_anchor_sequences", x => new { x.month, x.tenant });
                    table.ForeignKey(
                        name: "fk_audit_anchor_sequences_audit_anchors_month",
                        column: x => x.month,
                        principalTable: "audit_anchors",
                        principalColumn: "month",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateIndex(
                name: "ix_audit_anchors_last_position",
                table: "audit_anchors",
                column: "last_position",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_idempotency_keys_created_at",
                table: "idempotency_keys",
                column: "created_at");

            migrationBuilder.CreateIndex(
                name: "ix_prediction_seals_prediction_id",
                table: "prediction_seals",
                column: "prediction_id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_prediction_seals_tenant_tenant_sequence",
                table: "prediction_seals",
                columns: new[] { "tenant", "tenant_sequence" },
                unique: true);

            // Rows of before get their seals like new ones.
            migrationBuilder.Sql("INSERT INTO unsealed_predictions (prediction_id) SELECT id FROM predictions");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "audit_anchor_sequences");

            migrationBuilder.DropTable(
                name: "idempotency_keys");

            migrationBuilder.DropTable(
                name: "prediction_seals");

            migrationBuilder.DropTable(
                name: "unsealed_predictions");

            migrationBuilder.DropTable(
                name: "audit_anchors");
        }
    }
}
