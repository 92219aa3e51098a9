using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Melanoma.Storage.Migrations
{
    /// <inheritdoc />
    public partial class PredictionDecisions : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<short>(
                name: "decision",
                table: "predictions",
                type: "smallint",
                nullable: true);

            migrationBuilder.AddColumn<string[]>(
                name: "reasons",
                table: "predictions",
                type: "text[]",
                nullable: false,
                defaultValue: new string[0]);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "decision",
                table: "predictions");

            migrationBuilder.DropColumn(
                name: "reasons",
                table: "predictions");
        }
    }
}
