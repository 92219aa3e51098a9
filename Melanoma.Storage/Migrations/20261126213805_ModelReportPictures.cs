using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Melanoma.Storage.Migrations
{
    /// <inheritdoc />
    public partial class ModelReportPictures : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "model_report_pictures",
                columns: table => new
                {
                    version = table.Column<int>(type: "integer", nullable: false),
                    ordinal = table.Column<int>(type: "integer", nullable: false),
                    image_id = table.Column<Guid>(type: "uuid", nullable: false),
                    label = table.Column<short>(type: "smallint", nullable: false),
                    is_augmented = table.Column<bool>(type: "boolean", nullable: false),
                    jpeg = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_model_report_pictures", x => new { x.version, x.ordinal });
                    table.ForeignKey(
                        name: "fk_model_report_pictures_image_contents_image_id",
                        column: x => x.image_id,
                        principalTable: "image_contents",
                        principalColumn: "image_id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_model_report_pictures_model_versions_version",
                        column: x => x.version,
                        principalTable: "model_versions",
                        principalColumn: "version",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_model_report_pictures_image_id",
                table: "model_report_pictures",
                column: "image_id");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "model_report_pictures");
        }
    }
}
