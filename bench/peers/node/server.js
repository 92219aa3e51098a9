// node server.js MODEL.onnx SIDE PROTOS: Classify of melanoma.v1 on a free loopback port, which it prints. Ends with its standard input.
'use strict';

const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const ort = require('onnxruntime-node');
const sharp = require('sharp');

const NAMES = [
    'actinic keratosis', 'basal cell carcinoma', 'dermatofibroma', 'melanoma', 'nevus',
    'pigmented benign keratosis', 'seborrheic keratosis', 'squamous cell carcinoma', 'vascular lesion',
];
const MELANOMA = 3;

async function main([model, sideText, protos]) {
    const side = Number(sideText);
    sharp.concurrency(1);
    sharp.cache(false);
    const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });

    async function classify(call, callback) {
        try {
            const pixels = await sharp(call.request.image).removeAlpha().toColourspace('srgb').resize(side, side, { fit: 'fill' }).raw().toBuffer();
            const images = new ort.Tensor('uint8', new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.length), [1, side, side, 3]);
            const { probabilities } = await session.run({ images }, ['probabilities']);
            const values = Array.from(probabilities.data);
            callback(null, {
                probabilities: values.map((probability, index) => ({ diagnosis: NAMES[index], probability })),
                diagnosis: NAMES[values.indexOf(Math.max(...values))],
                melanomaProbability: values[MELANOMA],
                modelVersion: '1',
            });
        } catch (error) {
            callback(error);
        }
    }

    const definition = protoLoader.loadSync(path.join('melanoma', 'v1', 'classifier.proto'), { includeDirs: [protos] });
    const server = new grpc.Server({ 'grpc.max_receive_message_length': 22020096 });
    server.addService(grpc.loadPackageDefinition(definition).melanoma.v1.Classifier.service, { classify });
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error) throw error;
        console.log(port);
    });
    process.stdin.on('end', () => process.exit()).resume();
}

main(process.argv.slice(2));
