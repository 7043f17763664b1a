
mod shipped_files;
