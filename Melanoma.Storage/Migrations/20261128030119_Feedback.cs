using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Melanoma.Storage.Migrations
{
    /// <inheritdoc />
    public partial class Feedback : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "feedback",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    time = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    tenant = table.Column<string>(type: "text", nullable: false),
                    caller = table.Column<string>(type: "text", nullable: false),
                    prediction_id = table.Column<Guid>(type: "uuid", nullable: false),
                    number = table.Column<int>(type: "integer", nullable: false),
                    image_sha256 = table.Column<byte[]>(type: "bytea", nullable: false),
                    model_version = table.Column<int>(type: "integer", nullable: false),
                    answered_diagnosis = table.Column<short>(type: "smallint", nullable: false),
                    verdict = table.Column<string>(type: "text", nullable: false),
                    diagnosis = table.Column<short>(type: "smallint", nullable: true),
                    comment = table.Column<string>(type: "character varying(2000)", maxLength: 2000, nullable: false),
                    brought_image = table.Column<bool>(type: "boolean", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_feedback", x => x.id);
                    table.CheckConstraint("ck_feedback_agree", "verdict <> 'agree' OR (diagnosis IS NOT NULL AND diagnosis = answered_diagnosis)");
                    table.CheckConstraint("ck_feedback_disagree", "verdict <> 'disagree' OR diagnosis IS NULL OR diagnosis <> answered_diagnosis");
                });

            migrationBuilder.CreateTable(
                name: "feedback_images",
                columns: table => new
                {
                    feedback_id = table.Column<Guid>(type: "uuid", nullable: false),
                    bytes = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_feedback_images", x => x.feedback_id);
                    table.ForeignKey(
                        name: "fk_feedback_images_feedback_feedback_id",
                        column: x => x.feedback_id,
                        principalTable: "feedback",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "feedback_outcomes",
                columns: table => new
                {
                    feedback_id = table.Column<Guid>(type: "uuid", nullable: false),
                    state = table.Column<string>(type: "text", nullable: false),
                    image_id = table.Column<Guid>(type: "uuid", nullable: true),
                    reason = table.Column<string>(type: "text", nullable: false),
                    settled_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_feedback_outcomes", x => x.feedback_id);
                    table.ForeignKey(
                        name: "fk_feedback_outcomes_feedback_feedback_id",
                        column: x => x.feedback_id,
                        principalTable: "feedback",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_feedback_outcomes_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            // Pictures are compressed already.
            migrationBuilder.Sql("ALTER TABLE feedback_images ALTER COLUMN bytes SET STORAGE EXTERNAL;");

            migrationBuilder.CreateIndex(
                name: "ix_feedback_image_sha256",
                table: "feedback",
                column: "image_sha256");

            migrationBuilder.CreateIndex(
                name: "ix_feedback_prediction_id_tenant_caller_number",
                table: "feedback",
                columns: new[] { "prediction_id", "tenant", "caller", "number" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_feedback_outcomes_image_id",
                table: "feedback_outcomes",
                column: "image_id");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "feedback_images");

            migrationBuilder.DropTable(
                name: "feedback_outcomes");

            migrationBuilder.DropTable(
                name: "feedback");
        }
    }
}
