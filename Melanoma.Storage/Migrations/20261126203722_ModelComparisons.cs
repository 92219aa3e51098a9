using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Melanoma.Storage.Migrations
{
    /// <inheritdoc />
    public partial class ModelComparisons : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "comparison_looks",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    version = table.Column<int>(type: "integer", nullable: false),
                    other_version = table.Column<int>(type: "integer", nullable: false),
                    dataset_id = table.Column<int>(type: "integer", nullable: false),
                    actor = table.Column<string>(type: "text", nullable: false),
                    looked_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_comparison_looks", x => x.id);
                    table.ForeignKey(
                        name: "fk_comparison_looks_datasets_dataset_id",
                        column: x => x.dataset_id,
                        principalTable: "datasets",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_comparison_looks_model_versions_other_version",
                        column: x => x.other_version,
                        principalTable: "model_versions",
                        principalColumn: "version",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_comparison_looks_model_versions_version",
                        column: x => x.version,
                        principalTable: "model_versions",
                        principalColumn: "version",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "model_training_images",
                columns: table => new
                {
                    version = table.Column<int>(type: "integer", nullable: false),
                    sha256 = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_model_training_images", x => new { x.version, x.sha256 });
                    table.ForeignKey(
                        name: "fk_model_training_images_model_versions_version",
                        column: x => x.version,
                        principalTable: "model_versions",
                        principalColumn: "version",
                        onDelete: ReferentialAction.Cascade);
                });

            // What the versions of before were trained and chosen on, their datasets still say.
            migrationBuilder.Sql(
                """
                INSERT INTO model_training_images (version, sha256)
                SELECT DISTINCT m.version, i.sha256
                FROM model_versions m JOIN dataset_items d ON d.dataset_id = m.dataset_id AND d.split <> 'test' JOIN images i ON i.id = d.image_id
                """);

            migrationBuilder.CreateIndex(
                name: "ix_comparison_looks_dataset_id",
                table: "comparison_looks",
                column: "dataset_id");

            migrationBuilder.CreateIndex(
                name: "ix_comparison_looks_other_version",
                table: "comparison_looks",
                column: "other_version");

            migrationBuilder.CreateIndex(
                name: "ix_comparison_looks_version",
                table: "comparison_looks",
                column: "version");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "comparison_looks");

            migrationBuilder.DropTable(
                name: "model_training_images");
        }
    }
}
