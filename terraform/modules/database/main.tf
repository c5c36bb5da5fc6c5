# Postgres for MLflow and Redis for Feast's online features: private addresses, encrypted on the way, backed up.

resource "google_sql_database_instance" "this" {
  project             = var.project
  name                = var.name
  region              = var.region
  database_version    = "POSTGRES_17"
  encryption_key_name = var.postgres_kms_key
  deletion_protection = var.deletion_protection

  settings {
    edition           = "ENTERPRISE"
    tier              = var.postgres.tier
    availability_type = var.highly_available ? "REGIONAL" : "ZONAL"
    disk_type         = "PD_SSD"
    disk_size         = var.postgres.disk_gb
    disk_autoresize   = true
    user_labels       = var.labels
    # Google's own guard, which holds in the console and against gcloud too.
    deletion_protection_enabled = var.deletion_protection
    retain_backups_on_delete    = var.deletion_protection
    connector_enforcement       = "REQUIRED"

    ip_configuration {
      ipv4_enabled    = false
      private_network = var.network
      ssl_mode        = "ENCRYPTED_ONLY"
    }
    backup_configuration {
      enabled                        = true
      start_time                     = "01:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7
      backup_retention_settings {
        retained_backups = var.postgres.backups
        retention_unit   = "COUNT"
      }
    }
    maintenance_window {
      day          = 7
      hour         = 3
      update_track = "stable"
    }
    insights_config {
      query_insights_enabled = true
    }

    # Workloads log in as service accounts: there is no password to lose.
    database_flags {
      name  = "cloudsql.iam_authentication"
      value = "on"
    }
    database_flags {
      name  = "log_connections"
      value = "on"
    }
    database_flags {
      name  = "log_disconnections"
      value = "on"
    }
    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }
  }

  lifecycle {
    # The disk grows by itself; setting the size that it began with would make the instance anew.
    ignore_changes = [settings[0].disk_size]
  }
}

resource "google_sql_database" "this" {
  for_each = var.postgres.databases
  project  = var.project
  instance = google_sql_database_instance.this.name
  name     = each.key
}

# Postgres knows a service account without the end of its address.
resource "google_sql_user" "workload" {
  for_each = var.users
  project  = var.project
  instance = google_sql_database_instance.this.name
  name     = trimsuffix(each.value, ".gserviceaccount.com")
  type     = "CLOUD_IAM_SERVICE_ACCOUNT"
}

# To connect and to log in, on this instance and no other.
resource "google_project_iam_member" "workload" {
  for_each = {
    for pair in setproduct(keys(var.users), ["roles/cloudsql.client", "roles/cloudsql.instanceUser"]) :
    "${pair[0]}/${trimprefix(pair[1], "roles/cloudsql.")}" => { user = pair[0], role = pair[1] }
  }
  project = var.project
  role    = each.value.role
  member  = "serviceAccount:${var.users[each.value.user]}"
  condition {
    title      = "only-${google_sql_database_instance.this.name}"
    expression = "resource.name == 'projects/${var.project}/instances/${google_sql_database_instance.this.name}' && resource.type == 'sqladmin.googleapis.com/Instance'"
  }
}

resource "google_redis_instance" "features" {
  project                 = var.project
  name                    = "${var.name}-features"
  region                  = var.region
  tier                    = var.highly_available ? "STANDARD_HA" : "BASIC"
  memory_size_gb          = var.redis_memory_gb
  redis_version           = "REDIS_7_2"
  connect_mode            = "PRIVATE_SERVICE_ACCESS"
  authorized_network      = var.network
  auth_enabled            = true
  transit_encryption_mode = "SERVER_AUTHENTICATION"
  customer_managed_key    = var.redis_kms_key
  labels                  = var.labels

  # Features are made anew from the offline store; a snapshot only shortens that.
  persistence_config {
    persistence_mode    = var.highly_available ? "RDB" : "DISABLED"
    rdb_snapshot_period = var.highly_available ? "TWELVE_HOURS" : null
  }
  maintenance_policy {
    weekly_maintenance_window {
      day = "SUNDAY"
      start_time {
        hours = 3
      }
    }
  }
}
