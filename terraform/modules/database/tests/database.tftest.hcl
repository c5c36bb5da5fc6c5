mock_provider "google" {
  source = "../../mocks"
}

variables {
  project  = "acme-fairlead"
  name     = "fairlead-dev"
  region   = "europe-west1"
  network  = "projects/acme-fairlead/global/networks/fairlead-dev"
  postgres = { tier = "db-custom-1-3840" }
  users    = { mlflow = "fairlead-dev-mlflow@acme-fairlead.iam.gserviceaccount.com" }
}

run "postgres_is_private_and_backed_up" {
  command = plan

  assert {
    condition     = google_sql_database_instance.this.settings[0].ip_configuration[0].ipv4_enabled == false
    error_message = "Postgres has a public address."
  }
  assert {
    condition     = google_sql_database_instance.this.settings[0].ip_configuration[0].ssl_mode == "ENCRYPTED_ONLY"
    error_message = "Postgres takes connections that are not encrypted."
  }
  assert {
    condition     = google_sql_database_instance.this.settings[0].backup_configuration[0].enabled && google_sql_database_instance.this.settings[0].backup_configuration[0].point_in_time_recovery_enabled
    error_message = "Postgres cannot be brought back to a point in time."
  }
  assert {
    condition     = keys(google_sql_database.this) == ["mlflow"]
    error_message = "MLflow has no database."
  }
}

run "deletion_is_refused_unless_said_otherwise" {
  command = plan

  assert {
    condition     = google_sql_database_instance.this.deletion_protection && google_sql_database_instance.this.settings[0].deletion_protection_enabled
    error_message = "Postgres can be deleted, by Terraform or by hand."
  }
  assert {
    condition     = google_sql_database_instance.this.settings[0].retain_backups_on_delete
    error_message = "Backups go with Postgres."
  }
}

run "workloads_log_in_as_service_accounts" {
  command = plan

  assert {
    condition     = one([for f in google_sql_database_instance.this.settings[0].database_flags : f.value if f.name == "cloudsql.iam_authentication"]) == "on"
    error_message = "Postgres asks for passwords."
  }
  assert {
    condition     = google_sql_user.workload["mlflow"].name == "fairlead-dev-mlflow@acme-fairlead.iam" && google_sql_user.workload["mlflow"].type == "CLOUD_IAM_SERVICE_ACCOUNT"
    error_message = "MLflow is ${google_sql_user.workload["mlflow"].name} of type ${google_sql_user.workload["mlflow"].type}."
  }
  assert {
    condition     = toset([for g in google_project_iam_member.workload : g.role]) == toset(["roles/cloudsql.client", "roles/cloudsql.instanceUser"])
    error_message = "A workload may do other than connect and log in."
  }
  assert {
    condition     = alltrue([for g in google_project_iam_member.workload : startswith(g.condition[0].expression, "resource.name == 'projects/acme-fairlead/instances/fairlead-dev' && ")])
    error_message = "A workload may log in to other instances of the project."
  }
}

run "redis_asks_who_is_there" {
  command = plan

  assert {
    condition     = google_redis_instance.features.auth_enabled && google_redis_instance.features.transit_encryption_mode == "SERVER_AUTHENTICATION"
    error_message = "Redis answers anybody, or in clear."
  }
  assert {
    condition     = google_redis_instance.features.connect_mode == "PRIVATE_SERVICE_ACCESS"
    error_message = "Redis is not in the range for managed databases."
  }
}

run "a_second_zone_stands_by_when_asked_for" {
  command = plan
  variables {
    highly_available = true
  }

  assert {
    condition     = google_sql_database_instance.this.settings[0].availability_type == "REGIONAL" && google_redis_instance.features.tier == "STANDARD_HA"
    error_message = "Postgres or Redis is in one zone."
  }
}

run "bad_values_are_refused" {
  command = plan
  variables {
    postgres        = { tier = "db-custom-1-3840", backups = 1 }
    redis_memory_gb = 0
  }
  expect_failures = [var.postgres, var.redis_memory_gb]
}
