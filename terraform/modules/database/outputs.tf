output "connection_name" {
  description = "What the Cloud SQL Auth Proxy is told: PROJECT:REGION:INSTANCE."
  value       = google_sql_database_instance.this.connection_name
}

output "users" {
  description = "Postgres user names by the names given."
  value       = { for name, user in google_sql_user.workload : name => user.name }
}

output "redis_host" {
  description = "Address of Redis."
  value       = google_redis_instance.features.host
}

output "redis_port" {
  description = "Port of Redis; TLS."
  value       = google_redis_instance.features.port
}
