using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Melanoma.Storage.Migrations
{
    /// <inheritdoc />
    public partial class BundledModel : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "fk_model_versions_datasets_dataset_id_dataset_kind",
                table: "model_versions");

            migrationBuilder.AlterColumn<Guid>(
                name: "run_id",
                table: "model_versions",
                type: "uuid",
                nullable: true,
                oldClrType: typeof(Guid),
                oldType: "uuid");

            migrationBuilder.AlterColumn<int>(
                name: "dataset_id",
                table: "model_versions",
                type: "integer",
                nullable: true,
                oldClrType: typeof(int),
                oldType: "integer");

            migrationBuilder.AddCheckConstraint(
                name: "ck_model_versions_bundled",
                table: "model_versions",
                sql: "(run_id IS NULL) = (dataset_id IS NULL)");

            migrationBuilder.AddForeignKey(
                name: "fk_model_versions_datasets_dataset_id_dataset_kind",
                table: "model_versions",
                columns: new[] { "dataset_id", "dataset_kind" },
                principalTable: "datasets",
                principalColumns: new[] { "id", "kind" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "fk_model_versions_datasets_dataset_id_dataset_kind",
                table: "model_versions");

            migrationBuilder.DropCheckConstraint(
                name: "ck_model_versions_bundled",
                table: "model_versions");

            migrationBuilder.AlterColumn<Guid>(
                name: "run_id",
                table: "model_versions",
                type: "uuid",
                nullable: false,
                defaultValue: new Guid("00000000-0000-0000-0000-000000000000"),
                oldClrType: typeof(Guid),
                oldType: "uuid",
                oldNullable: true);

            migrationBuilder.AlterColumn<int>(
                name: "dataset_id",
                table: "model_versions",
                type: "integer",
                nullable: false,
                defaultValue: 0,
                oldClrType: typeof(int),
                oldType: "integer",
                oldNullable: true);

            migrationBuilder.AddForeignKey(
                name: "fk_model_versions_datasets_dataset_id_dataset_kind",
                table: "model_versions",
                columns: new[] { "dataset_id", "dataset_kind" },
                principalTable: "datasets",
                principalColumns: new[] { "id", "kind" },
                onDelete: ReferentialAction.Cascade);
        }
    }
}
