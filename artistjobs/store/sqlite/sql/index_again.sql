-- Let each job be looked up among these artists.
CREATE UNIQUE INDEX temp.again_by_artist ON again (artist_name, artist_data)
