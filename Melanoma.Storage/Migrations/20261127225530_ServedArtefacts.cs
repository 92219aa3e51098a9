using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Melanoma.Storage.Migrations
{
    /// <inheritdoc />
    public partial class ServedArtefacts : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "served_precision",
                table: "model_versions",
                type: "text",
                nullable: false,
                defaultValue: "fp32");

            migrationBuilder.CreateTable(
                name: "model_stored_answers",
                columns: table => new
                {
                    version = table.Column<int>(type: "integer", nullable: false),
                    number = table.Column<short>(type: "smallint", nullable: false),
                    picture = table.Column<byte[]>(type: "bytea", nullable: false),
                    probabilities = table.Column<double[]>(type: "double precision[]", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_model_stored_answers", x => new { x.version, x.number });
                    table.CheckConstraint("ck_model_stored_answers_nine", "array_length(probabilities, 1) = 9");
                    table.ForeignKey(
                        name: "fk_model_stored_answers_model_versions_version",
                        column: x => x.version,
                        principalTable: "model_versions",
                        principalColumn: "version",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.AddCheckConstraint(
                name: "ck_model_versions_served_precision",
                table: "model_versions",
                sql: "served_precision IN ('fp32', 'int8')");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "model_stored_answers");

            migrationBuilder.DropCheckConstraint(
                name: "ck_model_versions_served_precision",
                table: "model_versions");

            migrationBuilder.DropColumn(
                name: "served_precision",
                table: "model_versions");
        }
    }
}
