using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Imaging;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Exports;
using Melanoma.Training.Images;
