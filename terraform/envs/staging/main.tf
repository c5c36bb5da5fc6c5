# staging: built like prod, of smaller parts.

module "fairlead" {
  source              = "../../modules/environment"
  environment         = "staging"
  project             = var.project
  region              = var.region
  zone                = "${var.region}-b"
  authorized_networks = var.authorized_networks
  github              = var.github

  highly_available     = false
  protected            = true
  own_keys             = true
  private_endpoint     = true
  release_channel      = "REGULAR"
  binary_authorization = "audit"
  run_artifacts_days   = 60
  redis_memory_gb      = 1
  postgres             = { tier = "db-custom-1-3840", disk_gb = 20, backups = 7 }
  pools = {
    system   = { machine_type = "e2-standard-4", min_nodes = 2, max_nodes = 4 }
    serving  = { machine_type = "c3-standard-4", min_nodes = 1, max_nodes = 4 }
    training = { machine_type = "c3-standard-8", min_nodes = 0, max_nodes = 4, spot = true, tainted = true }
  }
}
