using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Melanoma.Storage.Migrations
{
    /// <inheritdoc />
    public partial class LesionViews : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_review_items_kind_group_id_image_id",
                table: "review_items");

            migrationBuilder.AddColumn<Guid>(
                name: "other_image_id",
                table: "review_items",
                type: "uuid",
                nullable: true);

            migrationBuilder.AddColumn<byte[]>(
                name: "evidence_hash",
                table: "datasets",
                type: "bytea",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "likely_lesion_views",
                columns: table => new
                {
                    run_id = table.Column<Guid>(type: "uuid", nullable: false),
                    image_id = table.Column<Guid>(type: "uuid", nullable: false),
                    other_image_id = table.Column<Guid>(type: "uuid", nullable: false),
                    agreeing_places = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_likely_lesion_views", x => new { x.run_id, x.image_id, x.other_image_id });
                    table.CheckConstraint("ck_likely_lesion_views_order", "image_id < other_image_id");
                    table.CheckConstraint("ck_likely_lesion_views_places", "agreeing_places > 0");
                    table.ForeignKey(
                        name: "fk_likely_lesion_views_images_image_id",
                        column: x => x.image_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "fk_likely_lesion_views_images_other_image_id",
                        column: x => x.other_image_id,
                        principalTable: "images",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "fk_likely_lesion_views_runs_run_id",
                        column: x => x.run_id,
                        principalTable: "runs",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateIndex(
                name: "ix_review_items_kind_group_id_image_id_other_image_id",
                table: "review_items",
                columns: new[] { "kind", "group_id", "image_id", "other_image_id" },
                unique: true,
                filter: "state <> 'closed'")
                .Annotation("Npgsql:NullsDistinct", false);

            migrationBuilder.CreateIndex(
                name: "ix_review_items_other_image_id",
                table: "review_items",
                column: "other_image_id");

            migrationBuilder.AddCheckConstraint(
                name: "ck_review_items_pair",
                table: "review_items",
                sql: "(kind = 'lesionviews') = (other_image_id IS NOT NULL)");

            migrationBuilder.CreateIndex(
                name: "ix_likely_lesion_views_image_id",
                table: "likely_lesion_views",
                column: "image_id");

            migrationBuilder.CreateIndex(
                name: "ix_likely_lesion_views_other_image_id",
                table: "likely_lesion_views",
                column: "other_image_id");

            migrationBuilder.AddForeignKey(
                name: "fk_review_items_images_other_image_id",
                table: "review_items",
                column: "other_image_id",
                principalTable: "images",
                principalColumn: "id",
                onDelete: ReferentialAction.Restrict);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "fk_review_items_images_other_image_id",
                table: "review_items");

            migrationBuilder.DropTable(
                name: "likely_lesion_views");

            migrationBuilder.DropIndex(
                name: "ix_review_items_kind_group_id_image_id_other_image_id",
                table: "review_items");

            migrationBuilder.DropIndex(
                name: "ix_review_items_other_image_id",
                table: "review_items");

            migrationBuilder.DropCheckConstraint(
                name: "ck_review_items_pair",
                table: "review_items");

            migrationBuilder.DropColumn(
                name: "other_image_id",
                table: "review_items");

            migrationBuilder.DropColumn(
                name: "evidence_hash",
                table: "datasets");

            migrationBuilder.CreateIndex(
                name: "ix_review_items_kind_group_id_image_id",
                table: "review_items",
                columns: new[] { "kind", "group_id", "image_id" },
                unique: true,
                filter: "state <> 'closed'")
                .Annotation("Npgsql:NullsDistinct", false);
        }
    }
}
