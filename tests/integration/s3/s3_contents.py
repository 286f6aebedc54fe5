"""A bucket with something of every kind, and `cumulet s3 verify` on it."""

import os
import subprocess


def verify(server):
    done = subprocess.run([server.process.args[0], "s3", "verify", "--data-dir", server.data], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def fill(s3):
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    body = os.urandom(200_000)
    old = s3.put_object(Bucket="kept", Key="plain", Body=body)["VersionId"]
    s3.put_object(Bucket="kept", Key="plain", Body=b"small")
    s3.put_object(Bucket="kept", Key="sealed", Body=os.urandom(100_000), ServerSideEncryption="AES256")
    s3.put_object(Bucket="kept", Key="small", Body=b"s" * 1000, ServerSideEncryption="AES256")
    s3.put_object(Bucket="kept", Key="mine", Body=os.urandom(100_000), SSECustomerAlgorithm="AES256",
                  SSECustomerKey=b"k" * 32)
    s3.delete_object(Bucket="kept", Key="small")
    upload = s3.create_multipart_upload(Bucket="kept", Key="parts")["UploadId"]
    etag = s3.upload_part(Bucket="kept", Key="parts", UploadId=upload, PartNumber=1, Body=b"p" * 70_000)["ETag"]
    s3.complete_multipart_upload(Bucket="kept", Key="parts", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    open_upload = s3.create_multipart_upload(Bucket="kept", Key="open")["UploadId"]
    part = os.urandom(66_000)
    s3.upload_part(Bucket="kept", Key="open", UploadId=open_upload, PartNumber=3, Body=part)
    return body, old, part
