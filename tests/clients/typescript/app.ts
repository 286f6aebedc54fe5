// A handler as TypeScript projects have it: typed, with SDK v3, bundled with esbuild.
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

interface Note {
  bucket: string;
  key: string;
  text?: string;
}
enum Outcome {
  Kept = "kept",
  Read = "read",
}

const s3 = new S3Client({});

export const handler = async (note: Note, context: { functionName: string }): Promise<Record<string, unknown>> => {
  const place = { Bucket: note.bucket, Key: note.key };
  if (note.text !== undefined) {
    await s3.send(new PutObjectCommand({ ...place, Body: note.text }));
    return { outcome: Outcome.Kept, by: context.functionName };
  }
  const found = await s3.send(new GetObjectCommand(place));
  return { outcome: Outcome.Read, text: await found.Body!.transformToString() };
};
