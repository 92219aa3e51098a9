// Asks a Melanoma Gateway about a picture. For research, not a medical device.
// Exit codes: 0 answered; 1 refused, asking again does not help; 2 called wrongly; 75 busy or away, ask again later with the same idempotency key.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const PROTOS = path.join(__dirname, '..', '..', 'Melanoma.Contracts', 'Protos');
const LATER = [grpc.status.UNAVAILABLE, grpc.status.RESOURCE_EXHAUSTED, grpc.status.DEADLINE_EXCEEDED];
// The client repeats by itself what is worth repeating, after the delay that a busy server asks for.
const RETRIES = {
    methodConfig: [{
        name: [{ service: 'melanoma.v1.Classifier' }],
        retryPolicy: { maxAttempts: 5, initialBackoff: '0.2s', maxBackoff: '5s', backoffMultiplier: 2, retryableStatusCodes: ['UNAVAILABLE', 'RESOURCE_EXHAUSTED'] },
    }],
};

function main([address, picture, caseReference]) {
    const apiKey = process.env.MELANOMA_API_KEY;
    if (!address || !picture || !apiKey) {
        console.error('Usage: MELANOMA_API_KEY=... node classify.js http[s]://HOST:PORT PICTURE [CASE_REFERENCE]');
        process.exitCode = 2;
        return;
    }

    const definition = protoLoader.loadSync('melanoma/v1/classifier.proto', { includeDirs: [PROTOS], enums: String, defaults: true });
    const url = new URL(address);
    const host = url.port ? url.host : `${url.host}:${url.protocol === 'https:' ? 443 : 80}`;
    const client = new (grpc.loadPackageDefinition(definition).melanoma.v1.Classifier)(
        host, url.protocol === 'https:' ? grpc.credentials.createSsl() : grpc.credentials.createInsecure(), {
            'grpc.service_config': JSON.stringify(RETRIES),
            // Only what fits in here is ever repeated: the default is 1 MiB, a picture may have 20 MB.
            'grpc.per_rpc_retry_buffer_size': 21 * 1024 * 1024,
            'grpc.retry_buffer_size': 64 * 1024 * 1024,
        });
    const metadata = new grpc.Metadata();
    metadata.set('x-api-key', apiKey);
    // A system of yours stores the idempotency key with its order: the same one gets the same answer, however often it has to ask.
    metadata.set('idempotency-key', process.env.MELANOMA_IDEMPOTENCY_KEY || crypto.randomUUID());
    client.classify({ image: fs.readFileSync(picture), caseReference }, metadata, { deadline: Date.now() + 60000 }, (refusal, answer) => {
        client.close();
        if (refusal) {
            console.error(`${grpc.status[refusal.code]}: ${refusal.details}`);
            process.exitCode = LATER.includes(refusal.code) ? 75 : 1;
            return;
        }

        console.log(`decision: ${[answer.decision, ...answer.reasons.map((reason) => reason.code)].join(', ')}`);
        console.log(`diagnosis: ${answer.diagnosis}\nmelanoma probability: ${answer.melanomaProbability.toFixed(4)}`);
        console.log(`model version: ${answer.modelVersion}\nprediction id: ${answer.predictionId}\nnotice: ${answer.notice}`);
    });
}

main(process.argv.slice(2));
