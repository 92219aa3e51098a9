using CsCheck;
using Melanoma.Ingestion.Groups;
using Melanoma.Storage.Datasets;

namespace Melanoma.UnitTests.Ingestion;

public sealed class LesionGroupingTests
{
    private static readonly Guid Older = Guid.Parse("00000000-0000-7000-8000-000000000001");
    private static readonly Guid Newer = Guid.Parse("00000000-0000-7000-8000-000000000002");

    [Fact]
    public void Should_make_one_group_when_images_share_an_id()
    {
        var grouping = Group([New("ISIC_1"), New("ISIC_1"), New("ISIC_2"), New()]);

        Assert.Equal(grouping.GroupOfImage[0], grouping.GroupOfImage[1]);
        Assert.Equal(3, grouping.GroupOfImage.Distinct().Count());
        Assert.Equal(3, grouping.Created.Count);
    }

    [Fact]
    public void Should_merge_into_the_older_group_when_one_image_carries_the_ids_of_two()
    {
        var grouping = Group([New("ISIC_1", "ISIC_2")], [("ISIC_1", new(Newer, null, false)), ("ISIC_2", new(Older, null, false))]);

        Assert.Equal([Older], grouping.GroupOfImage);
        Assert.Equal([(Newer, Older)], grouping.Merged);
        Assert.Empty(grouping.Created);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData(Split.Train, null, Split.Train)]
    [InlineData(null, Split.Validation, Split.Validation)]
    [InlineData(Split.Train, Split.Train, Split.Train)]
    [InlineData(Split.Train, Split.Validation, Split.Test)]
    [InlineData(Split.Test, Split.Train, Split.Test)]
    public void Should_keep_a_split_or_go_to_test_when_groups_merge(Split? older, Split? newer, Split? expected)
    {
        var grouping = Group([New("ISIC_1", "ISIC_2")], [("ISIC_1", new(Older, older, false)), ("ISIC_2", new(Newer, newer, false))]);

        Assert.Equal(expected, grouping.Changed.Count == 0 ? older : grouping.Changed[0].Split);
    }

    [Fact]
    public void Should_join_what_near_duplicates_join_when_they_share_no_id()
    {
        var grouping = Group(
            [New("ISIC_1"), New() with { NearDuplicates = [0] }, New() with { Groups = [Newer] }, New() with { NearDuplicates = [2], Groups = [Older] }],
            [("ISIC_9", new(Older, Split.Train, false)), ("ISIC_8", new(Newer, Split.Train, false))]);

        Assert.Equal(grouping.GroupOfImage[0], grouping.GroupOfImage[1]);
        Assert.Equal([Older, Older], grouping.GroupOfImage.Skip(2));
        Assert.Equal([(Newer, Older)], grouping.Merged);
    }

    [Fact]
    public void Should_send_a_drawn_group_to_test_when_a_file_of_it_comes_in_a_test_folder()
    {
        var grouping = Group([New("ISIC_1") with { DeliveredAsTest = true }], [("ISIC_1", new(Older, Split.Train, false))]);

        Assert.Equal([new GroupState(Older, Split.Test, true)], grouping.Changed);
    }

    [Fact]
    public void Should_leave_the_split_to_the_draw_when_a_new_group_comes_in_a_train_folder() =>
        Assert.Equal([new GroupState(Newer, null, false)], Group([New("ISIC_1")], newId: Newer).Created);

    [Fact]
    public void Should_put_images_together_exactly_when_a_chain_of_ids_joins_them() =>
        Gen.Int[0, 9].Select(id => $"ISIC_{id}").Array[0, 3].Array[1, 12].Sample(ids =>
        {
            var grouping = Group([.. ids.Select(own => New(own))]);
            for (var a = 0; a < ids.Length; a++)
            {
                for (var b = 0; b < ids.Length; b++)
                    Assert.Equal(Joined(ids, a, b), grouping.GroupOfImage[a] == grouping.GroupOfImage[b]);
            }
        }, iter: 500);

    private static bool Joined(string[][] ids, int a, int b)
    {
        var seen = new HashSet<int> { a };
        for (var queue = new Queue<int>([a]); queue.TryDequeue(out var at);)
        {
            foreach (var next in Enumerable.Range(0, ids.Length).Where(next => ids[at].Intersect(ids[next]).Any() && seen.Add(next)))
                queue.Enqueue(next);
        }

        return seen.Contains(b);
    }

    private static ImageToGroup New(params string[] ids) => new(ids, [], [], false);

    private static Grouping Group(IReadOnlyList<ImageToGroup> images, (string Id, GroupState Group)[]? known = null, Guid? newId = null) => LesionGrouping.Group(
        images,
        (known ?? []).ToLookup(pair => pair.Id, pair => pair.Group.Id),
        (known ?? []).ToDictionary(pair => pair.Group.Id, pair => pair.Group),
        () => newId ?? Guid.CreateVersion7());
}
