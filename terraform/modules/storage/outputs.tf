output "buckets" {
  description = "Full bucket names by their short ones."
  value       = { for name, bucket in google_storage_bucket.this : name => bucket.name }
}
