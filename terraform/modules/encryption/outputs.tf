output "keys" {
  description = "Key ids by what they encrypt: storage, registry, cluster, database, redis. Known once the service may use them."
  value       = { for name, grant in google_kms_crypto_key_iam_member.agent : name => grant.crypto_key_id }
}
