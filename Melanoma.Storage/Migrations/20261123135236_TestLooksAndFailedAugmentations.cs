using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Melanoma.Storage.Migrations
{
    /// <inheritdoc />
    public partial class TestLooksAndFailedAugmentations : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "error",
                table: "augmentations",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "failed_at",
                table: "augmentations",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "failures",
                table: "augmentation_batches",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.CreateTable(
                name: "test_looks",
                columns: table => new
                {
                    run_id = table.Column<Guid>(type: "uuid", nullable: false),
                    fence = table.Column<long>(type: "bigint", nullable: false),
                    dataset_id = table.Column<int>(type: "integer", nullable: false),
                    looked_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_test_looks", x => new { x.run_id, x.fence });
                    table.ForeignKey(
                        name: "fk_test_looks_datasets_dataset_id",
                        column: x => x.dataset_id,
                        principalTable: "datasets",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_test_looks_runs_run_id",
                        column: x => x.run_id,
                        principalTable: "runs",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_test_looks_dataset_id",
                table: "test_looks",
                column: "dataset_id");

            // Each reported model was a look, if its dataset had a test split.
            migrationBuilder.Sql(
                """
                INSERT INTO test_looks (run_id, fence, dataset_id, looked_at)
                SELECT run_id, 0, dataset_id, created_at FROM model_versions WHERE (report->>'testLooks')::int > 0
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "test_looks");

            migrationBuilder.DropColumn(
                name: "error",
                table: "augmentations");

            migrationBuilder.DropColumn(
                name: "failed_at",
                table: "augmentations");

            migrationBuilder.DropColumn(
                name: "failures",
                table: "augmentation_batches");
        }
    }
}
