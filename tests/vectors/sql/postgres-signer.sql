CREATE TABLE public.private_keys (
    id integer NOT NULL,
    created_at timestamp without time zone,
    updated_at timestamp without time zone,
    deleted_at timestamp without time zone,
    key_id character varying(255) NOT NULL,
    encryption_alg character varying(255) NOT NULL,
    keywrap_alg character varying(255) NOT NULL,
    algorithm character varying(50) NOT NULL,
    passphrase_alias character varying(50) NOT NULL,
    public bytea NOT NULL,
    private bytea NOT NULL,
    gun character varying(255) NOT NULL,
    role character varying(255) NOT NULL,
    last_used timestamp without time zone
);
CREATE SEQUENCE public.private_keys_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.private_keys_id_seq OWNED BY public.private_keys.id;
ALTER TABLE ONLY public.private_keys ALTER COLUMN id SET DEFAULT nextval('public.private_keys_id_seq'::regclass);
ALTER TABLE ONLY public.private_keys
    ADD CONSTRAINT key_id UNIQUE (key_id);
ALTER TABLE ONLY public.private_keys
    ADD CONSTRAINT key_id_2 UNIQUE (key_id, algorithm);
ALTER TABLE ONLY public.private_keys
    ADD CONSTRAINT private_keys_pkey PRIMARY KEY (id);
