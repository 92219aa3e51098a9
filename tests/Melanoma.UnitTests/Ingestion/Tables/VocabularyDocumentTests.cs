using System.Collections.Frozen;
using System.Text;
using Melanoma.Ingestion.Tables;
using Melanoma.Testing;

namespace Melanoma.UnitTests.Ingestion.Tables;

public sealed class VocabularyDocumentTests
{
    [Fact]
    public void Should_say_what_the_code_does_when_the_document_lists_words()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "vocabularies.md")).ReplaceLineEndings("\n");
        var start = document.IndexOf("## The words", StringComparison.Ordinal);

        Assert.True(start >= 0, "docs/vocabularies.md has no section with the words.");
        Assert.Equal(Words(), document[start..]);
    }

    [Fact]
    public void Should_never_be_empty_or_finer_than_the_same_word_of_ours_when_a_word_is_listed()
    {
        foreach (var (word, diagnoses) in Vocabularies.All.SelectMany(vocabulary => vocabulary.Words))
        {
            Assert.False(diagnoses.IsEmpty, word);
            if (Vocabularies.Own.Find(word) is { } own)
                Assert.Equal(own, diagnoses);
        }
    }

    private static string Words()
    {
        var text = new StringBuilder("## The words\n");
        foreach (var vocabulary in Vocabularies.All)
        {
            text.Append($"\n### {vocabulary.Title}\n\n| word | our diagnoses |\n| --- | --- |\n");
            foreach (var (word, diagnoses) in vocabulary.Words)
                text.Append($"| {word} | {diagnoses} |\n");
        }

        (string, FrozenDictionary<string, string>)[] others =
            [("Body sites", Vocabularies.Sites), ("Sexes", Vocabularies.Sexes), ("Skin tones", Vocabularies.SkinTones), ("Licences", Vocabularies.Licences)];
        foreach (var (title, words) in others)
        {
            text.Append($"\n### {title}\n\n| ours | the sources' words |\n| --- | --- |\n");
            foreach (var group in words.GroupBy(pair => pair.Value, pair => pair.Key).OrderBy(group => group.Key, StringComparer.Ordinal))
                text.Append($"| {group.Key} | {string.Join(", ", group.Order(StringComparer.Ordinal))} |\n");
        }

        return text.ToString();
    }
}
