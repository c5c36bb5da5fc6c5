# dev: one zone, small, may be thrown away.

module "fairlead" {
  source              = "../../modules/environment"
  environment         = "dev"
  project             = var.project
  region              = var.region
  zone                = "${var.region}-b"
  authorized_networks = var.authorized_networks
  github              = var.github

  highly_available     = false
  protected            = false
  own_keys             = false
  private_endpoint     = false
  release_channel      = "RAPID"
  binary_authorization = "audit"
  run_artifacts_days   = 30
  redis_memory_gb      = 1
  postgres             = { tier = "db-g1-small", disk_gb = 10, backups = 7 }
  pools = {
    system   = { machine_type = "e2-standard-4", min_nodes = 1, max_nodes = 3 }
    serving  = { machine_type = "e2-standard-2", min_nodes = 0, max_nodes = 2 }
    training = { machine_type = "e2-standard-8", min_nodes = 0, max_nodes = 2, spot = true, tainted = true }
  }
}
