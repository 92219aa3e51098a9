using Melanoma.Contracts;
using Melanoma.Storage.Access;
using Melanoma.Storage.Augmentations;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Models;
using Melanoma.Storage.Operations;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Predictions;
using Melanoma.Storage.Reviews;
using Melanoma.Storage.Roles;
using Melanoma.Storage.Runs;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Storage;

/// <summary>The one database. Which service may write which table is said in <c>Roles/Grants.sql</c>; everyone may read.</summary>
public sealed class MelanomaDbContext(DbContextOptions<MelanomaDbContext> options) : DbContext(options)
{
    /// <summary>Deliveries of the data team.</summary>
    public DbSet<Delivery> Deliveries => Set<Delivery>();

    /// <summary>What became of each delivered file.</summary>
    public DbSet<DeliveryFile> DeliveryFiles => Set<DeliveryFile>();

    /// <summary>Distinct images.</summary>
    public DbSet<Image> Images => Set<Image>();

    /// <summary>ISIC ids of images.</summary>
    public DbSet<ImageIsicId> ImageIsicIds => Set<ImageIsicId>();

    /// <summary>Bytes of images; never tracked.</summary>
    public DbSet<ImageContent> ImageContents => Set<ImageContent>();

    /// <summary>Claims about diagnoses.</summary>
    public DbSet<LabelClaim> LabelClaims => Set<LabelClaim>();

    /// <summary>What tables say of ISIC ids.</summary>
    public DbSet<MetadataRow> MetadataRows => Set<MetadataRow>();

    /// <summary>Pairs of images that are the same picture.</summary>
    public DbSet<NearDuplicate> NearDuplicates => Set<NearDuplicate>();

    /// <summary>What near-duplicates are found by; never tracked.</summary>
    public DbSet<ImageSignature> ImageSignatures => Set<ImageSignature>();

    /// <summary>What people are to look at.</summary>
    public DbSet<ReviewItem> ReviewItems => Set<ReviewItem>();

    /// <summary>What reviewers decided.</summary>
    public DbSet<ReviewDecision> ReviewDecisions => Set<ReviewDecision>();

    /// <summary>The images that decisions are about.</summary>
    public DbSet<ReviewDecisionImage> ReviewDecisionImages => Set<ReviewDecisionImage>();

    /// <summary>Claims that runs found likely to be wrong.</summary>
    public DbSet<LikelyLabelError> LikelyLabelErrors => Set<LikelyLabelError>();

    /// <summary>Pairs of images that runs found likely to show one lesion.</summary>
    public DbSet<LikelyLesionView> LikelyLesionViews => Set<LikelyLesionView>();

    /// <summary>Images of one lesion.</summary>
    public DbSet<LesionGroup> LesionGroups => Set<LesionGroup>();

    /// <summary>Snapshots.</summary>
    public DbSet<Dataset> Datasets => Set<Dataset>();

    /// <summary>Splits of groups in honest datasets.</summary>
    public DbSet<DatasetGroup> DatasetGroups => Set<DatasetGroup>();

    /// <summary>Rows of datasets.</summary>
    public DbSet<DatasetItem> DatasetItems => Set<DatasetItem>();

    /// <summary>Requests for training runs.</summary>
    public DbSet<Run> Runs => Set<Run>();

    /// <summary>Executions of runs.</summary>
    public DbSet<RunExecution> RunExecutions => Set<RunExecution>();

    /// <summary>Figures of finished epochs.</summary>
    public DbSet<RunEpoch> RunEpochs => Set<RunEpoch>();

    /// <summary>Checkpoints; never tracked.</summary>
    public DbSet<Checkpoint> Checkpoints => Set<Checkpoint>();

    /// <summary>What runs of cross-validations say of the folds that they held out.</summary>
    public DbSet<FoldPrediction> FoldPredictions => Set<FoldPrediction>();

    /// <summary>Figures of cross-validations.</summary>
    public DbSet<CrossValidationReport> CrossValidationReports => Set<CrossValidationReport>();

    /// <summary>Looks at test splits.</summary>
    public DbSet<TestLook> TestLooks => Set<TestLook>();

    /// <summary>Augmentations of datasets.</summary>
    public DbSet<Augmentation> Augmentations => Set<Augmentation>();

    /// <summary>Batches of augmentations.</summary>
    public DbSet<AugmentationBatch> AugmentationBatches => Set<AugmentationBatch>();

    /// <summary>Augmented images.</summary>
    public DbSet<Variant> Variants => Set<Variant>();

    /// <summary>Bytes of augmented images; never tracked.</summary>
    public DbSet<VariantContent> VariantContents => Set<VariantContent>();

    /// <summary>Model versions.</summary>
    public DbSet<ModelVersion> ModelVersions => Set<ModelVersion>();

    /// <summary>Files of model versions; never tracked.</summary>
    public DbSet<ModelArtefact> ModelArtefacts => Set<ModelArtefact>();

    /// <summary>What replicas must answer before they serve a version; never tracked.</summary>
    public DbSet<ModelStoredAnswer> ModelStoredAnswers => Set<ModelStoredAnswer>();

    /// <summary>What model versions were trained or chosen on.</summary>
    public DbSet<ModelTrainingImage> ModelTrainingImages => Set<ModelTrainingImage>();

    /// <summary>Looks at test splits for comparing model versions.</summary>
    public DbSet<ComparisonLook> ComparisonLooks => Set<ComparisonLook>();

    /// <summary>Training pictures that the reports of model versions show.</summary>
    public DbSet<ModelReportPicture> ModelReportPictures => Set<ModelReportPicture>();

    /// <summary>Promotions and rollbacks.</summary>
    public DbSet<ModelTransition> ModelTransitions => Set<ModelTransition>();

    /// <summary>The audit of answers.</summary>
    public DbSet<Prediction> Predictions => Set<Prediction>();

    /// <summary>What callers say of answers.</summary>
    public DbSet<PredictionFeedback> Feedback => Set<PredictionFeedback>();

    /// <summary>Images that came with feedback; never tracked.</summary>
    public DbSet<FeedbackImage> FeedbackImages => Set<FeedbackImage>();

    /// <summary>What became of feedback.</summary>
    public DbSet<FeedbackOutcome> FeedbackOutcomes => Set<FeedbackOutcome>();

    /// <summary>Places of audit rows in the chain and in their tenants' feeds.</summary>
    public DbSet<PredictionSeal> PredictionSeals => Set<PredictionSeal>();

    /// <summary>Audit rows that are not sealed yet.</summary>
    public DbSet<UnsealedPrediction> UnsealedPredictions => Set<UnsealedPrediction>();

    /// <summary>Questions that may be asked twice.</summary>
    public DbSet<IdempotencyKey> IdempotencyKeys => Set<IdempotencyKey>();

    /// <summary>Where the audit goes on after months that were dropped.</summary>
    public DbSet<AuditAnchor> AuditAnchors => Set<AuditAnchor>();

    /// <summary>Where feeds go on after months that were dropped.</summary>
    public DbSet<AuditAnchorSequence> AuditAnchorSequences => Set<AuditAnchorSequence>();

    /// <summary>API keys.</summary>
    public DbSet<ApiKey> ApiKeys => Set<ApiKey>();

    /// <summary>Sign-in tickets and sessions.</summary>
    public DbSet<SignInToken> SignInTokens => Set<SignInToken>();

    /// <summary>What callers have sent day by day.</summary>
    public DbSet<DailyUsage> DailyUsage => Set<DailyUsage>();

    /// <summary>Messages that no consumer could deal with.</summary>
    public DbSet<FailedMessage> FailedMessages => Set<FailedMessage>();

    /// <summary>Room on the disks that ingestion writes to.</summary>
    public DbSet<DiskMeasurement> DiskMeasurements => Set<DiskMeasurement>();

    /// <summary>Messages to publish.</summary>
    public DbSet<OutboxMessage> Outbox => Set<OutboxMessage>();

    /// <inheritdoc />
    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.ApplyConfigurationsFromAssembly(typeof(MelanomaDbContext).Assembly);

    /// <inheritdoc />
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        configurationBuilder.Properties<DiagnosisSet>().HaveConversion<DiagnosisSetConverter>();
        configurationBuilder.Properties<Diagnosis>().HaveConversion<short>();
        configurationBuilder.Properties<LabelState>().HaveConversion<EnumTextConverter<LabelState>>();
        configurationBuilder.Properties<ClaimRank>().HaveConversion<short>();
        configurationBuilder.Properties<ReviewKind>().HaveConversion<EnumTextConverter<ReviewKind>>();
        configurationBuilder.Properties<ReviewState>().HaveConversion<EnumTextConverter<ReviewState>>();
        configurationBuilder.Properties<ReviewAction>().HaveConversion<EnumTextConverter<ReviewAction>>();
        configurationBuilder.Properties<DeliveryState>().HaveConversion<EnumTextConverter<DeliveryState>>();
        configurationBuilder.Properties<FileOutcome>().HaveConversion<EnumTextConverter<FileOutcome>>();
        configurationBuilder.Properties<DatasetKind>().HaveConversion<EnumTextConverter<DatasetKind>>();
        configurationBuilder.Properties<Split>().HaveConversion<EnumTextConverter<Split>>();
        configurationBuilder.Properties<RunExecutionState>().HaveConversion<EnumTextConverter<RunExecutionState>>();
        configurationBuilder.Properties<ModelState>().HaveConversion<EnumTextConverter<ModelState>>();
        configurationBuilder.Properties<FeedbackVerdict>().HaveConversion<EnumTextConverter<FeedbackVerdict>>();
        configurationBuilder.Properties<FeedbackState>().HaveConversion<EnumTextConverter<FeedbackState>>();
        configurationBuilder.Properties<SignInTokenKind>().HaveConversion<EnumTextConverter<SignInTokenKind>>();
        configurationBuilder.Properties<FailureKind>().HaveConversion<EnumTextConverter<FailureKind>>();
        configurationBuilder.Properties<FailedMessageState>().HaveConversion<EnumTextConverter<FailedMessageState>>();
        configurationBuilder.Properties<ServiceRole>().HaveConversion<EnumTextConverter<ServiceRole>>();
    }
}
