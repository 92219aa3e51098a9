using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Melanoma.Storage.Migrations
{
    /// <inheritdoc />
    public partial class CrossValidation : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<Guid>(
                name: "cross_validation_id",
                table: "runs",
                type: "uuid",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "fold",
                table: "runs",
                type: "integer",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "pause_requested_at",
                table: "runs",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "start_version",
                table: "runs",
                type: "integer",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "views",
                table: "runs",
                type: "integer",
                nullable: false,
                defaultValue: 1);

            migrationBuilder.AddColumn<int>(
                name: "fold",
                table: "dataset_groups",
                type: "integer",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "cross_validation_reports",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    made_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    report = table.Column<string>(type: "jsonb", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_cross_validation_reports", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "fold_predictions",
                columns: table => new
                {
                    run_id = table.Column<Guid>(type: "uuid", nullable: false),
                    ordinals = table.Column<int[]>(type: "integer[]", nullable: false),
                    probabilities = table.Column<float[]>(type: "real[]", nullable: false),
                    prior = table.Column<double[]>(type: "double precision[]", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_fold_predictions", x => x.run_id);
                    table.CheckConstraint("ck_fold_predictions_sizes", "cardinality(probabilities) = 9 * cardinality(ordinals) AND cardinality(prior) = 9");
                    table.ForeignKey(
                        name: "fk_fold_predictions_runs_run_id",
                        column: x => x.run_id,
                        principalTable: "runs",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_runs_cross_validation_id_fold",
                table: "runs",
                columns: new[] { "cross_validation_id", "fold" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_runs_start_version",
                table: "runs",
                column: "start_version");

            migrationBuilder.AddCheckConstraint(
                name: "ck_runs_fold",
                table: "runs",
                sql: "(dataset_kind = 'crossvalidation') = (fold IS NOT NULL) AND (fold IS NULL) = (cross_validation_id IS NULL)");

            migrationBuilder.AddCheckConstraint(
                name: "ck_runs_views",
                table: "runs",
                sql: "views IN (1, 8)");

            migrationBuilder.AddCheckConstraint(
                name: "ck_model_versions_not_of_folds",
                table: "model_versions",
                sql: "dataset_kind <> 'crossvalidation'");

            migrationBuilder.AddCheckConstraint(
                name: "ck_dataset_groups_fold",
                table: "dataset_groups",
                sql: "(kind = 'crossvalidation') = (fold IS NOT NULL)");

            migrationBuilder.AddForeignKey(
                name: "fk_runs_model_versions_start_version",
                table: "runs",
                column: "start_version",
                principalTable: "model_versions",
                principalColumn: "version",
                onDelete: ReferentialAction.Restrict);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "fk_runs_model_versions_start_version",
                table: "runs");

            migrationBuilder.DropTable(
                name: "cross_validation_reports");

            migrationBuilder.DropTable(
                name: "fold_predictions");

            migrationBuilder.DropIndex(
                name: "ix_runs_cross_validation_id_fold",
                table: "runs");

            migrationBuilder.DropIndex(
                name: "ix_runs_start_version",
                table: "runs");

            migrationBuilder.DropCheckConstraint(
                name: "ck_runs_fold",
                table: "runs");

            migrationBuilder.DropCheckConstraint(
                name: "ck_runs_views",
                table: "runs");

            migrationBuilder.DropCheckConstraint(
                name: "ck_model_versions_not_of_folds",
                table: "model_versions");

            migrationBuilder.DropCheckConstraint(
                name: "ck_dataset_groups_fold",
                table: "dataset_groups");

            migrationBuilder.DropColumn(
                name: "cross_validation_id",
                table: "runs");

            migrationBuilder.DropColumn(
                name: "fold",
                table: "runs");

            migrationBuilder.DropColumn(
                name: "pause_requested_at",
                table: "runs");

            migrationBuilder.DropColumn(
                name: "start_version",
                table: "runs");

            migrationBuilder.DropColumn(
                name: "views",
                table: "runs");

            migrationBuilder.DropColumn(
                name: "fold",
                table: "dataset_groups");
        }
    }
}
